"""Whatever officers do, in any order and on any day: the register keeps to the law."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from portal.db import Base
from portal.permits import correcting, reading, registry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People, Permit
from portal.permits.registry import NewPermit, NotPossible, PermitAction
from portal.permits.validity import NOT_STARTED, Status, Term
from portal.problems import Conflict
from portal.vault import Vault

_VAULT = Vault(["a key for tests alone"])
_FIRST = date(2024, 2, 29)
_ACTS = [act for act in PermitAction if act in registry.ACTS]
_NUMBER = PermitNumber(7, "", 2024)


class Register(RuleBasedStateMachine):
    """One permit, and officers who try every act on days before, on and after its last ones."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        Base.metadata.create_all(self.engine)
        self.today = _FIRST
        self.acts = 1
        with self._db() as db:
            new = NewPermit(
                "KFS-003",
                _NUMBER,
                "new",
                _FIRST,
                "manual",
                People([Owner("منى")]),
                columns={"street": "الجيش"},
            )
            self.id = registry.enter(db, _VAULT, new, "clerk", self._now())

    def teardown(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _db(self) -> Iterator[Connection]:
        with self.engine.begin() as db:
            yield db

    def _now(self) -> datetime:
        return datetime(self.today.year, self.today.month, self.today.day, 9, tzinfo=UTC)

    def permit(self) -> Permit:
        with self._db() as db:
            return reading.by_id(db, _VAULT, self.id)

    @rule(days=st.sampled_from([1, 30, 180, 364, 365, 366, 800]))
    def time_passes(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def night(self) -> None:
        before = self.permit()
        with self._db() as db:
            registry.propose_lapses(db, self.today)
        after = self.permit()
        assert after.status is before.status, "the round only proposes"
        if after.row["lapse_proposed_on"] and not before.row["lapse_proposed_on"]:
            assert before.status in NOT_STARTED
            assert not before.row["started_on"]
            assert not before.row["start_disputed"]

    @rule(action=st.sampled_from(_ACTS), ago=st.sampled_from([0, 0, 0, 1, 30, 200, 365, 366, 731]))
    def officer(self, action: PermitAction, ago: int) -> None:
        permit, on = self.permit(), self.today - timedelta(days=ago)
        offered = action in registry.possible(permit, self.today)
        try:
            with self._db() as db:
                registry.act(db, _VAULT, permit, action, on, "head", "سبب", self._now(), self.today)
        except NotPossible:
            after = self.permit()
            assert (after.row, after.people) == (permit.row, permit.people)
            return
        assert offered, "no act is done that the page would not offer"
        self.acts += 1
        after = self.permit()
        if action is PermitAction.LAPSE:
            assert permit.term is not None
            assert permit.term.must_start_by < on
            assert not (permit.row["started_on"])
            assert not (permit.row["start_disputed"])
        if action is PermitAction.START:
            assert permit.term is not None
            assert _FIRST <= on <= permit.term.must_start_by
        if action is PermitAction.RENEW:
            assert after.row["must_start_by"] == date(2026, 2, 28)

    @rule(days=st.sampled_from([-400, -1, 1, 400]))
    def correction(self, days: int) -> None:
        """Of the day of issue, which decides about everything else."""
        permit = self.permit()
        day = permit.row["issued_on"] + timedelta(days=days)
        if day > self.today or day.year not in {2024, 2025}:
            return
        new = NewPermit(
            "KFS-003", _NUMBER, "new", day, "manual", permit.people, columns={"street": "البحر"}
        )
        try:
            with self._db() as db:
                correcting.amend(db, _VAULT, permit, new, "head", "سبب", self._now(), self.today)
        except NotPossible:
            return
        self.acts += 1
        with self._db() as db:  # back again: the days below are counted from the first
            correcting.amend(
                db,
                _VAULT,
                reading.by_id(db, _VAULT, self.id),
                NewPermit("KFS-003", _NUMBER, "new", permit.row["issued_on"], "manual"),
                "head",
                "سبب",
                self._now(),
                self.today,
            )
        self.acts += 1
        assert self.permit().status is permit.status

    @precondition(lambda self: self.permit().status in NOT_STARTED)
    @rule(first=st.sampled_from([PermitAction.START, PermitAction.DISPUTE_START]))
    def two_at_once(self, first: PermitAction) -> None:
        seen = self.permit()
        try:
            with self._db() as db:
                on = self.today if first is PermitAction.DISPUTE_START else _FIRST
                registry.act(db, _VAULT, seen, first, on, "a", "سبب", self._now(), self.today)
        except NotPossible:
            return
        self.acts += 1
        try:
            with self._db() as db:
                registry.act(
                    db,
                    _VAULT,
                    seen,
                    PermitAction.LAPSE,
                    self.today,
                    "b",
                    "سبب",
                    self._now(),
                    self.today,
                )
        except Conflict:  # NotPossible is one
            return
        raise AssertionError("a lapse was set beside a beginning")

    @invariant()
    def the_register_keeps_to_the_law(self) -> None:
        permit = self.permit()
        row, status = permit.row, permit.status
        if status is Status.LAPSED:
            assert not row["started_on"]
            assert not row["start_disputed"]
        if status in NOT_STARTED:
            assert not row["started_on"]
        assert (status is Status.RENEWED) <= (row["renewed_on"] is not None)
        if status in {Status.UNDER_EXECUTION, Status.COMPLETED, Status.OCCUPIED}:
            assert row["started_on"]
        if row["completed_on"]:
            assert row["completed_on"] >= row["started_on"]
        if row["occupied_on"]:
            assert row["occupied_on"] >= row["completed_on"]
        if row["lapse_proposed_on"]:
            assert status in NOT_STARTED
            assert not row["start_disputed"]
        term = Term(row["issued_on"], row["renewed_on"] is not None, None, False)
        assert row["must_start_by"] == term.must_start_by

    @invariant()
    def every_act_stands_in_the_history_with_who_and_when(self) -> None:
        with self._db() as db:
            past = reading.history(db, _VAULT, self.id)
        assert len(past) == self.acts == self.permit().row["revision"] + 1
        assert all(act.actor and act.at for act in past)
        assert past[-1].status == self.permit().status


TestRegister = Register.TestCase
TestRegister.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
