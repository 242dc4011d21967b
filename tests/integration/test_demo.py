"""The demo's year: loaded once, the real way, and whole even when the first load is cut off."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.clock import SystemClock
from portal.core import build_core
from portal.demo import requests
from portal.demo.loading import load_demo
from portal.migrations.running import upgrade
from portal.notifications.model import OutgoingMessage
from portal.requests.model import HistoryEntry, ServiceRequest
from portal.settings import read_settings
from tests.support import crossing
from tests.support.databases import Databases


def test_a_load_that_was_cut_off_goes_on_where_it_ended(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {"PORTAL_DATABASE_URL": databases.empty(tmp_path)}
    settings = read_settings({"PORTAL_VAR": str(tmp_path), **address})
    core = build_core(settings, SystemClock())
    upgrade(core.database)
    load_demo(core)
    plan, write = requests._plan, requests._Writer.write
    monkeypatch.setattr(requests, "_plan", lambda *given: plan(*given)[:5])

    def cut_off(self: Any, index: int, *more: Any) -> None:
        if index == 2:
            raise KeyboardInterrupt
        write(self, index, *more)

    now = datetime.now(UTC)
    monkeypatch.setattr(requests._Writer, "write", cut_off)
    with pytest.raises(KeyboardInterrupt):
        requests.load_requests(settings, now)
    monkeypatch.setattr(requests._Writer, "write", write)
    assert requests.load_requests(settings, now) == 3
    assert requests.load_requests(settings, now) == 0

    with core.database.read() as db:
        assert db.scalar(select(func.count()).select_from(ServiceRequest)) == 5
        assert db.scalar(select(func.count()).select_from(OutgoingMessage)) == 0
        latest = db.scalars(select(func.max(HistoryEntry.at))).one()
    assert crossing.faults(core) == []
    assert crossing.left(core) == []
    core.database.close()
    # a year ago nothing happened today: each act stands on the day on which it was done
    assert latest < now - timedelta(days=200)
