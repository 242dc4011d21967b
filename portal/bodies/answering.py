"""One question of a body, answered: looked up, judged, signed, written down, watched.

All of it happens in the caller's transaction, so that no answer leaves the house without its line
in the log. Questions that come alone and lines of a job are answered by the same function.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, literal, select, tuple_, update

from portal.bodies import consents, notices, owner_names, paper, purposes, watching
from portal.bodies.accounts import Agreement, Body
from portal.bodies.model import ANSWER, BodyAnswer, BodyInquiry
from portal.bodies.notices import NoticeType
from portal.bodies.purposes import ESTIMATED_VALUE, OWNER_MATCH, Sight
from portal.catalogue.deadlines import due_on, first_day
from portal.catalogue.model import Mark, Period, Unit
from portal.clock import cairo_day, public_id
from portal.db import UtcDateTime
from portal.holidays import register as holidays
from portal.permits import cutoffs, matters, reading
from portal.permits.numbers import PermitNumber, of_canonical
from portal.permits.reading import Permit
from portal.permits.validity import Status, Verdict
from portal.places.model import Places
from portal.problems import Conflict, Missing
from portal.signatures import Signatures
from portal.vault import Vault

BASE = "/api/v1/permits/inquiries"
KIND = "permit-answer+jwt"
"""The ``typ`` of a signed answer."""
SEARCH = Period(5, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE)
"""In which the center looks into its paper books (facts §6.5)."""
LONGEST_SIGNED = 20_000

REMARKS: Mapping[str, str] = {
    "not_started_in_time": "The time to begin the works is over, and the register knows of no "
    "beginning. Only the center decides whether the permit has lapsed.",
    "start_disputed": "Whether the works began in time is disputed.",
    "suspended": "The permit is suspended.",
    "ended": "The permit has lapsed or was revoked.",
    "superseded": "A later permit has taken its place.",
    "demolition": "It permits a demolition and no building.",
}
"""Why an answer is ``confirmed_with_remarks``, by code."""


@dataclass(frozen=True)
class Question:
    """What a body wants to know, read and in order: by center and number, or by the code on the
    sign of the site. ``owner_name`` is compared and forgotten."""

    user: str
    reference: str
    center: str = ""
    number: PermitNumber | None = None
    serial: str = ""
    owner_name: str = ""
    consent_code: str = ""

    @property
    def keys(self) -> str:
        """By what it is asked, for the log."""
        return f"number {self.number.canonical}" if self.number else f"code {self.serial}"


@dataclass(frozen=True)
class Answered:
    """An answer as it was given. ``claims`` are what was signed, ``signed`` the compact JWS."""

    id: str
    at: datetime
    body_code: str
    claims: Mapping[str, Any]
    signed: str

    @property
    def kind(self) -> BodyAnswer:
        return BodyAnswer(self.claims["class"])


@dataclass(frozen=True)
class _Judged:
    """What the register has to say."""

    kind: BodyAnswer
    permit: Permit | None = None
    remarks: tuple[str, ...] = ()
    search_due: date | None = None


@dataclass(frozen=True)
class Answering:
    """Answers questions; ``site`` is the portal's public address, which stands as issuer."""

    vault: Vault
    places: Places
    signatures: Signatures
    site: str

    def answer(
        self,
        db: Connection,
        body: Body,
        agreement: Agreement,
        question: Question,
        at: datetime,
        *,
        job_id: str | None = None,
        position: int | None = None,
    ) -> Answered:
        """Answer one question for the purpose of ``agreement``, which holds today.

        The caller has seen to it that the user is the body's and that its pace allows it.
        """
        found = self._look_up(db, body, question)
        judged = self._judge(db, body, question, found, at)
        inquiry_id = public_id()
        claims = self._claims(db, body, agreement, question, judged, inquiry_id, at)
        signed = self._sign(db, claims)
        db.execute(
            insert(BodyInquiry).values(
                id=inquiry_id,
                at=at,
                body_code=body.code,
                username=question.user,
                purpose=agreement.purpose,
                reference=question.reference,
                center_code=found.center_code if found else question.center,
                keys=question.keys,
                permit_id=found.id if found else None,
                answer_class=judged.kind,
                answer=self.vault.seal(ANSWER, signed),
                job_id=job_id,
                position=position,
                search_due=judged.search_due,
                searched_by="",
            )
        )
        if judged.permit is not None and agreement.notices:
            _watch(db, body, agreement, question, judged.permit, at)
        return Answered(inquiry_id, at, body.code, claims, signed)

    def searched(
        self,
        db: Connection,
        inquiry_id: str,
        body: Body,
        agreement: Agreement,
        by: str,
        at: datetime,
        found: Permit | None = None,
    ) -> Answered:
        """Answer again under the same number after the center has looked into its books.

        What it found was entered in the register by then: that decides. ``found`` is for a permit
        of the same center that the body asked for by another spelling of its number. A name to be
        compared was not kept, so a match is unknown. Raises :class:`Missing`, and
        :class:`Conflict` when no search waits.
        """
        row = db.execute(_SELECT.where(BodyInquiry.id == inquiry_id)).one_or_none()
        if row is None or row.body_code != body.code:
            raise Missing("inquiry")
        if row.search_due is None or row.searched_at is not None:
            raise Conflict("no search waits for this inquiry")
        number = _number_of(row.keys)
        question = Question(
            row.username,
            row.reference,
            row.center_code if number else "",
            number,
            "" if number else row.keys.removeprefix("code "),
        )
        if found is not None and found.center_code != row.center_code:
            raise Conflict("another center's permit")
        found = found or self._look_up(db, body, question)
        judged = _of_register(found, cairo_day(at)) if found else _Judged(BodyAnswer.NOT_FOUND)
        if judged.kind is BodyAnswer.NEEDS_MANUAL_SEARCH:
            raise Conflict("the entry waits for its review")
        claims = self._claims(db, body, agreement, question, judged, inquiry_id, at)
        claims["asked_at"] = row.at.isoformat()
        signed = self._sign(db, claims)
        db.execute(
            update(BodyInquiry)
            .where(BodyInquiry.id == inquiry_id, BodyInquiry.searched_at.is_(None))
            .values(
                permit_id=found.id if found else None,
                answer_class=judged.kind,
                answer=self.vault.seal(ANSWER, signed),
                searched_at=at,
                searched_by=by,
            )
        )
        if judged.permit is not None and agreement.notices:
            _watch(db, body, agreement, question, judged.permit, at)
        if agreement.notices:
            told = {
                "inquiry": inquiry_id,
                "reference": row.reference,
                "href": f"{self.site}{BASE}/{inquiry_id}",
            }
            kind, purpose = NoticeType.INQUIRY_SEARCHED, agreement.purpose
            notices.add(db, body.code, kind, inquiry_id, told, at, purpose=purpose)
        return Answered(inquiry_id, row.at, body.code, claims, signed)

    def _look_up(self, db: Connection, body: Body, question: Question) -> Permit | None:
        """The permit, if it is one of the body's governorate: any other looks like none."""
        if question.number is not None:
            if not self._is_theirs(body, question.center):
                return None
            return reading.find(db, self.vault, question.center, question.number)
        found = reading.by_serial(db, self.vault, question.serial)
        return found if found and self._is_theirs(body, found.center_code) else None

    def _is_theirs(self, body: Body, center: str) -> bool:
        known = self.places.centers.get(center)
        return known is not None and known.governorate == body.governorate

    def _judge(
        self, db: Connection, body: Body, question: Question, found: Permit | None, at: datetime
    ) -> _Judged:
        if found is not None:
            judged = _of_register(found, cairo_day(at))
        elif (
            question.number is not None
            and self._is_theirs(body, question.center)
            and paper.may_hold(question.number, cutoffs.last_paper_day(db, question.center))
        ):
            judged = _Judged(BodyAnswer.NEEDS_MANUAL_SEARCH)
        else:
            judged = _Judged(BodyAnswer.NOT_FOUND)
        if judged.kind is not BodyAnswer.NEEDS_MANUAL_SEARCH:
            return judged
        calendar = holidays.calendar(db, body.governorate)
        due = due_on(first_day(at, SEARCH, calendar), SEARCH, calendar)
        return _Judged(judged.kind, search_due=due)

    def _claims(
        self,
        db: Connection,
        body: Body,
        agreement: Agreement,
        question: Question,
        judged: _Judged,
        inquiry_id: str,
        at: datetime,
    ) -> dict[str, Any]:
        asked: dict[str, Any] = (
            {"center": question.center, "number": question.number.canonical}
            if question.number
            else {"serial": question.serial}
        )
        claims: dict[str, Any] = {
            "iss": self.site,
            "aud": body.code,
            "sub": inquiry_id,
            "iat": int(at.timestamp()),
            "reference": question.reference,
            "purpose": agreement.purpose.value,
            "asked": asked,
            "class": judged.kind.value,
            "remarks": list(judged.remarks),
            "search_due": judged.search_due.isoformat() if judged.search_due else None,
            "permit": None,
            "fields": {},
            "unknown": [],
            "revision": None,
        }
        permit = judged.permit
        if permit is not None:
            names = self._names(body, agreement, question)
            sight = self._sight(db, body, names, question, permit, cairo_day(at))
            claims["fields"], claims["unknown"] = purposes.told(names, sight)
            claims["permit"] = {"center": permit.center_code, "number": permit.number.canonical}
            claims["revision"] = permit.row["revision"]
        return claims

    @staticmethod
    def _names(body: Body, agreement: Agreement, question: Question) -> tuple[str, ...]:
        """What is told: of the purpose's set what was agreed."""
        most = purposes.fields_of(body.kind, agreement.purpose)
        return tuple(name for name in most if name in agreement.fields)

    def _sight(
        self,
        db: Connection,
        body: Body,
        names: Sequence[str],
        question: Question,
        permit: Permit,
        today: date,
    ) -> Sight:
        match: str | None = None
        owners = [owner.name for owner in permit.people.owners if owner.name]
        if OWNER_MATCH in names and question.owner_name and owners:
            match = "match" if owner_names.matches(question.owner_name, owners) else "no_match"
        code = question.consent_code if ESTIMATED_VALUE in names else ""
        consented = bool(code) and consents.use(db, self.vault, permit.id, code, body.code, today)
        recorded = matters.of_permit(db, permit.id)
        return Sight(permit, today, recorded, match, consented)

    def _sign(self, db: Connection, claims: Mapping[str, Any]) -> str:
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        return self.signatures.sign_within(db, KIND, payload).decode("ascii")


def _of_register(permit: Permit, today: date) -> _Judged:
    if permit.status is Status.MANUAL_UNVERIFIED or permit.term is None:
        return _Judged(BodyAnswer.NEEDS_MANUAL_SEARCH)
    remarks = tuple(_remarks(permit, purposes.verdict(Sight(permit, today))))
    kind = BodyAnswer.CONFIRMED_WITH_REMARKS if remarks else BodyAnswer.CONFIRMED
    return _Judged(kind, permit, remarks)


_OF_VERDICT = {
    Verdict.START_OVER: "not_started_in_time",
    Verdict.STOPPED: "suspended",
    Verdict.ENDED: "ended",
    Verdict.REPLACED: "superseded",
}


def _remarks(permit: Permit, verdict: Verdict | None) -> Iterator[str]:
    if verdict in _OF_VERDICT:
        yield _OF_VERDICT[verdict]
    if permit.row["start_disputed"]:
        yield "start_disputed"
    if permit.row["permit_type"] == "demolition":
        yield "demolition"


def _number_of(keys: str) -> PermitNumber | None:
    way, _, name = keys.partition(" ")
    return of_canonical(name) if way == "number" else None


def _watch(
    db: Connection,
    body: Body,
    agreement: Agreement,
    question: Question,
    permit: Permit,
    at: datetime,
) -> None:
    """The body is told of changes from now on; of two questions the newer one counts."""
    revision, purpose = permit.row["revision"], agreement.purpose
    watching.watch(db, body.code, permit.id, revision, purpose, question.reference, at)


_SELECT = select(
    BodyInquiry.id,
    BodyInquiry.at,
    BodyInquiry.body_code,
    BodyInquiry.username,
    BodyInquiry.reference,
    BodyInquiry.center_code,
    BodyInquiry.keys,
    BodyInquiry.answer,
    BodyInquiry.search_due,
    BodyInquiry.searched_at,
)


def find(db: Connection, vault: Vault, body_code: str, inquiry_id: str) -> Answered | None:
    """The body's own answer of this number, or None: another's looks like none."""
    rows = _SELECT.where(BodyInquiry.id == inquiry_id, BodyInquiry.body_code == body_code)
    row = db.execute(rows).one_or_none()
    return None if row is None else _answered(vault, row)


def newest(
    db: Connection,
    vault: Vault,
    body_code: str,
    *,
    reference: str = "",
    before: tuple[datetime, str] | None = None,
    most: int = 20,
) -> list[Answered]:
    """The body's own answers, of one ``reference`` or all, the newest first; ``before`` is the time
    and number of one: those behind it, so that no page shows one twice while others are added."""
    rows = _SELECT.where(BodyInquiry.body_code == body_code)
    if reference:
        rows = rows.where(BodyInquiry.reference == reference)
    if before is not None:
        rows = rows.where(tuple_(BodyInquiry.at, BodyInquiry.id) < tuple_(*_bound(before)))
    rows = rows.order_by(BodyInquiry.at.desc(), BodyInquiry.id.desc()).limit(most)
    return [_answered(vault, row) for row in db.execute(rows)]


def of_job(
    db: Connection, vault: Vault, job_id: str, *, after: int, most: int
) -> list[tuple[int, Answered]]:
    """The answers of a job behind the line ``after``, by their lines."""
    rows = (
        _SELECT.add_columns(BodyInquiry.position)
        .where(BodyInquiry.job_id == job_id, BodyInquiry.position > after)
        .order_by(BodyInquiry.position)
        .limit(most)
    )
    return [(row.position, _answered(vault, row)) for row in db.execute(rows)]


def _bound(before: tuple[datetime, str]) -> list[Any]:
    at, inquiry_id = before
    return [literal(at, UtcDateTime), literal(inquiry_id)]


def _answered(vault: Vault, row: Any) -> Answered:
    signed = vault.open(ANSWER, row.answer)
    return Answered(row.id, row.at, row.body_code, claims_of(signed), signed)


def claims_of(signed: str) -> dict[str, Any]:
    """What stands in a compact signature that the portal itself has kept."""
    payload = signed.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
