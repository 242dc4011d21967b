"""The pace of the permit inquiry under attack: what guesses learn, and whom they shut out."""

import heapq
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, event, func, insert, select, text, update

from portal.db import Database
from portal.identity import otp
from portal.permits import inquiry, owning, reading, registry, retention
from portal.permits.inquiry import Answer, AnswerClass, Asker, TooSoon
from portal.permits.model import PermitInquiry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit
from portal.permits.validity import Status
from portal.vault import Vault
from tests.support.databases import POSTGRESQL, Databases
from tests.support.local import LocalPortal
from tests.support.plans import Plan, plans_of
from tests.support.register import empty_permits, fill_log, fill_permits

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
VAULT = Vault(["k" * 48])
CENTER = "KFS-003"
OWNER_ID = "29001018800018"
MOBILE = "+201000000001"
"""Of ``citizen(1)``, and recorded of the owner."""
# 400 free, 25 each after 1, 2, 4 … 32 s, and one a minute in what is left of the hour
_MOST_TOGETHER = inquiry.FREE_FOR_ALL + 6 * 25 + (3600 - 25 * 63) // 60 + 1
# 5 + 10 + … + 640 s, and then one in a quarter of an hour
_MOST_ALONE = inquiry.FREE_FOR_STRANGERS + 8 + (3600 - 1275) // 900 + 1


@dataclass
class Register:
    """A register that is asked without pages, at any time."""

    database: Database

    def put(
        self,
        number: PermitNumber,
        center: str = CENTER,
        status: Status = Status.UNDER_EXECUTION,
        issued_on: date | None = TODAY - timedelta(days=90),
    ) -> str:
        """Enter a permit; the code of its sign."""
        new = NewPermit(
            center,
            number,
            "new",
            issued_on,
            "manual",
            People([Owner("منى السيد", OWNER_ID, MOBILE)]),
            status,
        )
        with self.database.begin() as db:
            permit_id = registry.enter(db, VAULT, new, "test", NOW)
            return str(reading.by_id(db, VAULT, permit_id).row["serial"])

    def ask(self, number: PermitNumber, asker: Asker, at: datetime = NOW) -> Answer:
        with self.database.begin() as db:
            return inquiry.by_number(db, VAULT, CENTER, number, asker, at, TODAY)

    def asked_already(self, count: int, kind: str = "anyone") -> None:
        """So many questions of others, a moment ago."""
        row = {
            "at": NOW - timedelta(milliseconds=5),
            "center_code": CENTER,
            "asker_kind": kind,
            "open_to_all": True,
            "purpose": "public",
            "answer": "not_found",
        }
        with self.database.begin() as db:
            rows = [
                {**row, "keys": f"number {n}/1990", "pace_key": n.to_bytes(32)}
                for n in range(1, count + 1)
            ]
            db.execute(insert(PermitInquiry), rows)


def _register(databases: Databases, folder: Path, kind: str) -> Iterator[Register]:
    url = databases.loaded(folder, kind)
    register = Register(Database(url, durable=False))
    with register.database.begin() as db:
        empty_permits(db)
    yield register
    register.database.close()
    databases.forget(url)


@pytest.fixture
def register(databases: Databases, tmp_path: Path, database_kind: str) -> Iterator[Register]:
    yield from _register(databases, tmp_path, database_kind)


@pytest.fixture
def at_once(databases: Databases, tmp_path: Path) -> Iterator[Register]:
    """Where questions can really come at once."""
    yield from _register(databases, tmp_path, POSTGRESQL)


def stranger(n: int = 0) -> Asker:
    return Asker(f"198.51.{n // 250}.{n % 250}")


def citizen(n: int = 0, national_id: str = "29001018800026") -> Asker:
    return Asker("203.0.113.1", national_id, f"+2010{n:08d}")


# --- what guesses learn


@dataclass
class Attack:
    """Many askers who know each other's answers, each waiting as long as it is told to."""

    learned: dict[tuple[str, str], list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By center and kind of asker, when something was learned that none of them knew."""
    by_asker: dict[Asker, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    waits: dict[Asker, list[int]] = field(default_factory=lambda: defaultdict(list))
    lasted: timedelta = timedelta()

    def run(self, register: Register, askers: list[Asker], guesses: int) -> None:
        known: set[tuple[str, str, str]] = set()
        dice, centers = random.Random(6), (CENTER, "KFS-004", "CAI-001")
        numbers = (
            PermitNumber(n, letter, year)
            for n in range(1, guesses)
            for year in (1998, 2019, 2025)
            for letter in ("", "م")
        )
        queue = [(NOW, n) for n in range(len(askers))]
        with register.database.begin() as db:
            for _ in range(guesses):
                at, n = heapq.heappop(queue)
                asker, center, number = askers[n], centers[n % 3], next(numbers)
                self.lasted = at - NOW
                pause = timedelta(seconds=1)
                try:
                    inquiry.by_number(db, VAULT, center, number, asker, at, TODAY)
                except TooSoon as error:
                    self.waits[asker].append(error.seconds)
                    pause = timedelta(seconds=error.seconds + dice.uniform(0, 1200))
                else:
                    self.by_asker[asker].append(at)
                    name = (center, asker.kind, number.canonical)
                    if name not in known:
                        known.add(name)
                        self.learned[center, asker.kind].append(at)
                heapq.heappush(queue, (at + pause, n))


def _most_in_an_hour(times: list[datetime]) -> int:
    return max(sum(begin <= at < begin + inquiry.HOUR for at in times) for begin in times)


def test_ten_thousand_guesses_from_hundreds_of_addresses_learn_what_the_rate_allows(
    databases: Databases, tmp_path: Path
) -> None:
    askers = [stranger(n) for n in range(300)]
    askers += [Asker(f"2001:db8:0:{n:x}::/64") for n in range(150)]
    askers += [citizen(n) for n in range(9)]
    attack = Attack()
    for register in _register(databases, tmp_path, "sqlite"):
        attack.run(register, askers, 10_000)
    assert attack.lasted > timedelta(hours=2), "of some hours, not of a moment"
    for (_, kind), times in attack.learned.items():
        most = _MOST_TOGETHER if kind == "anyone" else 3 * (inquiry.FREE_FOR_CITIZENS + 12)
        assert inquiry.FREE_FOR_CITIZENS < _most_in_an_hour(times) <= most
    for asker, times in attack.by_asker.items():
        free = inquiry.FREE_FOR_CITIZENS - inquiry.FREE_FOR_STRANGERS if asker.mobile else 0
        assert _most_in_an_hour(times) <= _MOST_ALONE + free
    assert max(max(told) for told in attack.waits.values()) > 60, "waits grow"


def test_one_telephone_that_claims_many_national_ids_is_one_asker(register: Register) -> None:
    answered = 0
    for n in range(inquiry.FREE_FOR_CITIZENS + 20):
        asker = Asker("203.0.113.1", f"290010188{n:05d}", "+201012345678")
        with suppress(TooSoon):
            register.ask(PermitNumber(n + 1, "", 2024), asker)
            answered += 1
    assert answered == inquiry.FREE_FOR_CITIZENS


def test_citizens_together_have_a_limit_too(register: Register) -> None:
    register.asked_already(inquiry.FREE_FOR_ALL_CITIZENS, "citizen")
    with pytest.raises(TooSoon) as refused:
        register.ask(PermitNumber(1, "", 2024), citizen())
    assert refused.value.together
    register.ask(PermitNumber(1, "", 2024), stranger())  # others' questions are not theirs


def test_wrong_codes_of_signs_count_together_and_write_no_endless_log(register: Register) -> None:
    answered = 0
    with register.database.begin() as db:
        for n in range(inquiry.FREE_FOR_ALL + 30):
            with suppress(TooSoon):
                inquiry.by_serial(db, VAULT, f"wrong{n:020d}", stranger(n), NOW, TODAY)
                answered += 1
    assert answered == inquiry.FREE_FOR_ALL


@pytest.mark.parametrize("there", [True, False])
def test_questions_that_come_in_one_instant_are_counted_one_by_one(
    at_once: Register, there: bool
) -> None:
    many, left = 24, 5
    numbers = [PermitNumber(n + 1, "", 2024) for n in range(many)]
    for number in numbers if there else ():
        at_once.put(number)

    def answered(ask: Callable[[int], Answer]) -> int:
        def once(n: int) -> int:
            try:
                ask(n)
            except TooSoon:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(once, range(many)))

    free = inquiry.FREE_FOR_STRANGERS
    assert answered(lambda n: at_once.ask(numbers[n], stranger())) == free
    at_once.asked_already(inquiry.FREE_FOR_ALL - free - left)
    assert answered(lambda n: at_once.ask(PermitNumber(n + 1, "", 2001), stranger(n + 1))) == left


# --- whom they shut out


def test_who_has_a_reason_to_ask_is_answered_while_the_attack_runs(register: Register) -> None:
    number, asked_for = PermitNumber(7, "", 2024), PermitNumber(8, "", 2024)
    serial = register.put(number)
    register.ask(asked_for, stranger(1))
    register.asked_already(inquiry.FREE_FOR_ALL + 500)
    register.asked_already(inquiry.FREE_FOR_ALL_CITIZENS + 500, "citizen")
    with pytest.raises(TooSoon):
        register.ask(number, stranger(2))
    owner = citizen(1, OWNER_ID)
    for _ in range(3):
        assert register.ask(number, owner).own
    with register.database.begin() as db:
        scanned = inquiry.by_serial(db, VAULT, serial, stranger(3), NOW, TODAY)
    assert scanned.kind is AnswerClass.FOUND
    # what strangers know already is no news to strangers
    assert register.ask(asked_for, stranger(4)).kind is AnswerClass.NOT_FOUND


def test_a_permit_that_a_town_looks_at_does_not_hold_up_the_next_question(
    register: Register,
) -> None:
    number = PermitNumber(7, "", 2024)
    register.put(number)
    earlier = NOW - timedelta(minutes=10)
    for n in range(30):
        register.ask(number, stranger(n), earlier)
    with register.database.read() as db:
        counted = db.scalars(select(PermitInquiry.open_to_all)).all()
    assert Counter(counted) == {True: 1, False: 29}


# --- what the way of answering tells


def _statements(register: Register, ask: Callable[[Connection], object]) -> list[str]:
    told: list[str] = []
    with register.database.begin() as db:
        event.listen(db, "before_cursor_execute", lambda *seen: told.append(seen[2]))
        with suppress(TooSoon):
            ask(db)
    return told


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("asker", [stranger(), citizen(national_id="29001018800034")])
def test_the_database_is_asked_the_same_whether_there_is_a_permit_or_not(
    register: Register, asker: Asker, over: bool
) -> None:
    number, unreviewed = PermitNumber(7, "", 2024), PermitNumber(8, "", 2024)
    register.put(number)
    register.put(unreviewed, status=Status.MANUAL_UNVERIFIED)
    if over:
        register.asked_already(inquiry.FREE_FOR_ALL_CITIZENS, asker.kind)

    def asked(each: PermitNumber) -> list[str]:
        return _statements(
            register, lambda db: inquiry.by_number(db, VAULT, CENTER, each, asker, NOW, TODAY)
        )

    found, hidden, nothing = map(asked, (number, unreviewed, PermitNumber(9, "", 2024)))
    assert found == hidden == nothing
    assert bool([each for each in found if "building_no" in each]) is not over


def test_what_is_his_begins_with_the_newest_and_ends_with_what_has_no_day(
    register: Register,
) -> None:
    register.put(PermitNumber(1, "", 2024), issued_on=TODAY - timedelta(days=400))
    register.put(PermitNumber(2, "", 2026))
    register.put(PermitNumber(3, "", 1994), status=Status.MANUAL_UNVERIFIED, issued_on=None)
    with register.database.read() as db:
        own = owning.of_owner(db, VAULT, OWNER_ID, CENTER)
    assert [each.number.number for each in own] == [2, 1, 3]


# --- how the database goes about it


def _plans(register: Register, act: Callable[[Connection], object]) -> list[Plan]:
    found = plans_of(register.database, act, small=True)
    return [each for each in found if re.search(r"\bFROM\b|^UPDATE", each.statement)]


@pytest.fixture(scope="module")
def large(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, database_kind: str
) -> Iterator[Register]:
    """A register that is only looked at, large enough for a database to choose an index."""
    for register in _register(databases, tmp_path_factory.mktemp("large"), database_kind):
        fill_permits(register.database, VAULT, 5_000)
        fill_log(register.database, 5_000)
        with register.database.engine.begin() as db:
            db.execute(text("ANALYZE"))
        yield register


@pytest.mark.parametrize("asker", [stranger(), citizen()])
def test_what_the_pace_asks_for_stands_in_indexes(large: Register, asker: Asker) -> None:
    number = PermitNumber(7, "", 2024)
    plans = _plans(
        large, lambda db: inquiry.by_number(db, VAULT, CENTER, number, asker, NOW, TODAY)
    )
    pace = [each for each in plans if "permit_inquiries" in each.statement]
    assert len(pace) == 1
    assert pace[0].searches, pace[0].text
    assert len(re.findall("COVERING INDEX|Index Only Scan", pace[0].text)) == 2, pace[0].text


def _named(number: PermitNumber) -> reading.Permit:
    return reading.Permit(1, CENTER, number, Status.SUPERSEDED, {}, People())


_QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "number": lambda db: reading.find(db, VAULT, CENTER, PermitNumber(7, "م", 1998)),
    "code": lambda db: reading.by_serial(db, VAULT, "s"),
    "address": lambda db: inquiry.at_address(db, VAULT, CENTER, "a", "1", stranger(), NOW),
    "request": lambda db: reading.by_request(db, VAULT, "26-1503-00001-1"),
    "whether it is his": lambda db: owning.standing(
        db, VAULT, CENTER, PermitNumber(7, "", 2024), OWNER_ID, MOBILE, 1
    ),
    "all that is his": lambda db: owning.of_citizen(db, VAULT, OWNER_ID, MOBILE, 1),
    "all of a card": lambda db: owning.of_owner(db, VAULT, OWNER_ID, CENTER),
    "who asked": lambda db: inquiry.who_asked(db, VAULT, 1, OWNER_ID),
    "later permits": lambda db: reading.later(db, _named(PermitNumber(7, "", 2024))),
    "a center's list": lambda db: reading.listed(db, CENTER),
    "its next page": lambda db: reading.listed(db, CENTER, before=900),
    "an address, by staff": lambda db: reading.listed(
        db, CENTER, search=reading.Search(("a", "شارع a"), "1")
    ),
    "a paper file": lambda db: reading.listed(
        db, CENTER, search=reading.Search(file_no="12", departments=("building-licensing", "x"))
    ),
    "to be looked at": lambda db: reading.listed(db, CENTER, only="lapsing"),
    "to be reviewed": lambda db: reading.listed(db, CENTER, only="unverified"),
    "the nightly round": lambda db: registry.propose_lapses(db, TODAY),
}


_BY_KEYS = {
    "number": "year.*number.*letter",
    "code": "serial",
    "address": "street_key.*building_no",
    "request": "request_number",
    "whether it is his": "year.*number.*letter|national_id_index",
    "all that is his": "national_id_index.*citizen_id|citizen_id.*national_id_index",
    "all of a card": "national_id_index",
    "who asked": "permit_id",
    "an address, by staff": "street_key",
    "a paper file": "file_no",
    "later permits": "base_permit",
    "to be looked at": "ix_building_permits_lapsing.*center_code",
    "to be reviewed": "ix_building_permits_unverified.*center_code",
    "the nightly round": "must_start_by",
}
"""What a row is gone to by: an index of the center alone would read through all that it has."""


@pytest.mark.parametrize("asked", _QUESTIONS)
def test_no_question_reads_through_the_register(large: Register, asked: str) -> None:
    plans = _plans(large, _QUESTIONS[asked])
    assert plans
    for plan in plans:
        assert plan.searches, plan.text
    keys = " ".join(step for plan in plans for step in plan.steps if "Filter" not in step)
    assert re.search(_BY_KEYS.get(asked, "center_code"), keys), plans


# --- over HTTP


@pytest.fixture
def portal(still: LocalPortal) -> LocalPortal:
    """Strangers of one address have so many questions an hour: each test has its own hour."""
    with still.portal.database.begin() as db:
        db.execute(update(PermitInquiry).values(at=still.clock.now() - timedelta(hours=2)))
    return still


def _kept(portal: LocalPortal) -> int:
    return int(portal.rows(select(func.count()).select_from(PermitInquiry))[0][0])


def _enter(portal: LocalPortal, status: Status, building_no: str, national_id: str = "") -> str:
    """A permit on a street of its own; the path of its answer."""
    now = portal.clock.now()
    number = PermitNumber(int(building_no) + 700_000, "", now.year)
    new = NewPermit(
        CENTER,
        number,
        "new",
        now.date(),
        "manual",
        People([Owner("منى السيد", national_id)]),
        status,
    )
    columns = {"street": _STREET, "building_no": building_no}
    with portal.portal.database.begin() as db:
        registry.enter(db, portal.portal.vault, replace(new, columns=columns), "test", now)
    return f"/permits/{CENTER}/{number.year}/{number.number}"


_STREET = "شارع الاختبار"
_buildings = map(str, range(101, 999))


def test_one_number_is_one_question_however_its_address_is_written(portal: LocalPortal) -> None:
    with httpx.Client(base_url=portal.url, trust_env=False) as client:
        before = _kept(portal)
        for path in (
            f"/permits/{CENTER}/2019/77",
            f"/permits/{CENTER}/2019/77/",
            f"/en/permits/{CENTER}/2019/77",
            f"/permits/{CENTER}/%32019/%37%37",
            f"/permits/{CENTER}/2019/77?again=1",
        ):
            assert client.get(path).status_code == 404
            assert client.head(path).status_code == 404
        assert _kept(portal) == before + 1
        for path in (
            f"/permits/{CENTER}/2019/077",
            f"/permits/{CENTER}/2019/٧٧",
            f"/permits/{CENTER}/٢٠١٩/77",
            f"/permits/{CENTER}/2019/۷۷",
            f"/permits/{CENTER}/2019/77%20",
            f"/permits/{CENTER}/2019/+77",
            f"/permits/{CENTER}/2019/77-",
            f"/permits/{CENTER}/2019/77%00",
            f"/permits/{CENTER.lower()}/2019/77",
            f"/permits/{CENTER}%20/2019/77",
            f"/permits?center={CENTER}&number=77&year=2019",
        ):
            assert client.get(path).status_code in {303, 404}
        assert _kept(portal) == before + 1, (
            "what is no number's own address asks the register never"
        )


def test_neither_headers_nor_the_other_language_make_another_asker(portal: LocalPortal) -> None:
    free = inquiry.FREE_FOR_STRANGERS
    told = []
    with httpx.Client(base_url=portal.url, trust_env=False) as client:
        for n in range(free + 4):
            forged = {
                "x-forwarded-for": f"198.51.100.{n}",
                "forwarded": f"for=198.51.100.{n}",
                "x-real-ip": f"198.51.100.{n}",
                "user-agent": f"browser {n}",
                "cookie": f"sid={'x' * 40}{n}",
            }
            path = f"{'/en' * (n % 2)}/permits/{CENTER}/2018/{n + 1}"
            told.append((client.get, client.head)[n % 3 == 0](path, headers=forged).status_code)
    assert told == [404] * free + [429] * 4


def _plain(answer: httpx.Response, *typed: str) -> tuple[int, list[tuple[str, str]], str]:
    """An answer without what the asker has told it, its own reference and numbers of seconds."""
    body = re.sub('name="_csrf" value="[^"]*"', "", answer.text)
    body = body.replace(answer.headers["x-request-id"], "REFERENCE")
    for each in typed:
        shown = each.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
        body = body.replace(each, "TYPED").replace(shown, "TYPED")
    body = re.sub('(?:data-wait|max)="[0-9]+"|خلال [^<]*|بعد [^<]*', "", body)
    own = {"date", "x-request-id", "retry-after", "refresh", "content-length"}
    headers = [(name, value) for name, value in answer.headers.items() if name not in own]
    return answer.status_code, sorted(headers), body


def test_a_wait_says_nothing_of_what_was_asked_for(portal: LocalPortal) -> None:
    paths = [
        _enter(portal, status, next(_buildings))
        for status in (Status.UNDER_EXECUTION, Status.MANUAL_UNVERIFIED, Status.REVOKED)
    ]
    paths.append(paths[0][:-3] + "999")
    with httpx.Client(base_url=portal.url, trust_env=False) as client:
        for n in range(inquiry.FREE_FOR_STRANGERS):
            client.get(f"/permits/{CENTER}/2017/{n + 1}")
        answers = [client.get(path) for path in paths]
        told = [
            _plain(answer, path, path.rsplit("/", 1)[1])
            for path, answer in zip(paths, answers, strict=True)
        ]
    assert told[0][0] == 429
    assert told.count(told[0]) == len(told)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)


def test_what_is_not_to_be_told_at_an_address_looks_like_what_is_not_there(
    portal: LocalPortal,
) -> None:
    there, *hidden = (next(_buildings) for _ in range(4))
    _enter(portal, Status.UNDER_EXECUTION, there)
    _enter(portal, Status.MANUAL_UNVERIFIED, hidden[0])
    _enter(portal, Status.REVOKED, hidden[1])
    with httpx.Client(base_url=portal.url, trust_env=False) as client:

        def ask(building: str) -> tuple[int, list[tuple[str, str]], str]:
            query = {"center": CENTER, "street": _STREET, "building_no": building}
            answer = client.get("/permits", params=query)
            assert not {"etag", "last-modified"} & set(answer.headers)
            return _plain(answer, building)

        told = [ask(building) for building in hidden]
        assert told.count(told[0]) == len(told)
        assert ask(there) != told[0]


def test_a_report_is_no_way_to_learn_of_what_is_not_told(portal: LocalPortal) -> None:
    shown = _enter(portal, Status.UNDER_EXECUTION, next(_buildings))
    hidden = _enter(portal, Status.MANUAL_UNVERIFIED, next(_buildings))
    nothing = hidden[:-3] + "998"
    citizen = portal.someone()
    proof = citizen.get(shown).values("/report")
    told = []
    for path in (hidden, nothing):
        answer = citizen.client.post(f"{portal.url}{path}/report", data=proof)
        told.append(_plain(answer, path, path.rsplit("/", 1)[1]))
    assert told[0][0] == 404
    assert told[0] == told[1]


# --- how long it is kept


def test_questions_are_forgotten_when_their_time_is_over_and_no_earlier(
    alone: LocalPortal,
) -> None:
    portal = alone
    kept, now = portal.portal.settings.permit_log_kept, portal.clock.now()
    hour = timedelta(hours=1)
    ages = [kept + hour, kept - hour, retention.PACE_KEPT + hour, retention.PACE_KEPT - hour]
    for n, age in enumerate(ages):
        with portal.portal.database.begin() as db:
            asker = citizen(n)
            number = PermitNumber(n + 1, "", 2020)
            inquiry.by_number(
                db, portal.portal.vault, CENTER, number, asker, now - age, (now - age).date()
            )
    portal.worker.run_once()
    rows = portal.rows(
        select(PermitInquiry.keys, PermitInquiry.pace_key, PermitInquiry.open_to_all).order_by(
            PermitInquiry.id
        )
    )
    assert [row[0] for row in rows] == ["number 2/2020", "number 3/2020", "number 4/2020"]
    assert [row[1] is None for row in rows] == [True, True, False]
    assert [row[2] for row in rows] == [False, False, True]
    portal.clock.advance(days=kept.days + 1)
    portal.worker.run_once()
    assert _kept(portal) == 0


def test_a_round_forgets_some_at_a_time_and_reads_no_more(register: Register) -> None:
    register.asked_already(2500)
    for forget in (retention.forget_pace, retention.drop_old):
        done = []
        for _ in range(4):
            with register.database.begin() as db:
                done.append(forget(db, NOW))
        assert done == [1000, 1000, 500, 0]


@pytest.mark.parametrize("forget", [retention.forget_pace, retention.drop_old])
def test_what_is_to_be_forgotten_is_found_without_reading_the_log(
    large: Register, forget: Callable[[Connection, datetime], int]
) -> None:
    plans = _plans(large, lambda db: forget(db, datetime(2000, 1, 1, tzinfo=UTC)))
    assert plans
    for plan in plans:
        by_id = "ORDER BY permit_inquiries.id" in plan.statement and "LIMIT" in plan.statement
        assert by_id or plan.searches, plan.text
        assert "Seq Scan" not in plan.text, plan.text


# --- national IDs that nobody checks


def test_a_mobile_that_claims_one_national_id_after_the_other_finds_no_permits_by_them(
    portal: LocalPortal,
) -> None:
    national_id, mobile = "29001018800034", "01091234567"
    path = _enter(portal, Status.UNDER_EXECUTION, next(_buildings), national_id)
    citizen = portal.signed_in(national_id, mobile)
    listed = f"//section[@aria-labelledby='own']//a[@href='{path}']"
    assert "منى السيد" in citizen.get(path).text
    assert citizen.get("/permits").tree.xpath(listed)

    with portal.portal.database.begin() as db:
        for n in range(inquiry.MOST_CLAIMED):
            otp.citizen_for(
                db, portal.portal.vault, f"290010188{n:05d}", f"+20{mobile[1:]}", portal.clock.now()
            )
    page = citizen.get("/permits")
    assert not page.tree.xpath(listed)
    assert page.hook("own") == "doubtful", "and it is said why"
    assert "منى السيد" not in citizen.get(path).text
