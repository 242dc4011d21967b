"""The documents against the code: what a table says is what the program does, and links lead on."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

import click
import pytest

from payments import attempts, ledger, webhooks
from payments.model import Attempt, Obligation
from payments.model import Base as PaymentsBase
from payments.settlement import Outcome
from portal import words
from portal.catalogue import deadlines
from portal.cli import main
from portal.db import Base
from portal.handoff import links, messages, relay
from portal.i18n import Languages
from portal.identity import otp, sessions, staff
from portal.identity.roles import TABLE as ROLES
from portal.identity.roles import Permission
from portal.migrations import env_tables
from portal.observability import ALLOWED, registry
from portal.requests import answering, drafts, lifecycle, paying, submission
from portal.requests.lifecycle import FINAL, TABLE, ClockEffect, State

ROOT = Path(__file__).parents[2]
