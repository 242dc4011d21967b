"""The paper backlog: counted, entered, reviewed by a second person, and never told before that."""

import csv
import io
import random
from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.clock import cairo_day
from portal.permits import inquiry, lots, rates, reading, registry, review
from portal.permits.backlog_model import PermitScan
from portal.permits.checking import RowCheck
from portal.permits.inquiry import AnswerClass, Asker
from portal.permits.model import BuildingPermit, PermitAct
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People, Permit
from portal.permits.registry import NewPermit, NotPossible
from portal.permits.sampling import draw
from portal.permits.validity import Status
from portal.problems import Conflict, Missing
from tests.support.commands import run_command
from tests.support.files import pdf, photo
from tests.support.local import LocalPortal
from tests.support.looking import token
from tests.support.people import Browser, Employee, Page

NAME = "منى السيد عبد الرحمن شلبي"
BASE = "/center/permits/backlog"
_NUMBERS = iter(range(20_000, 900_000))
_CLERKS = iter(range(1, 10_000))
_ASKERS = iter(range(1, 100_000))


@pytest.fixture
def local(still: LocalPortal) -> LocalPortal:
    return still


def typed_entry(number: int, **more: str) -> dict[str, str]:
    typed = {
        "number": str(number),
        "year": "1998",
        "permit_type": "new",
        "legal_regime": "106/1976",
        "issued_on": "1998-05-12",
        "street": "شارع الجيش",
        "owner": NAME,
    }
    return typed | more


def entered_by(clerk: Employee, **more: str) -> tuple[int, Page]:
    """An entry from paper; its number and its page."""
    number = next(_NUMBERS)
    page = clerk.send(
        clerk.get("/center/permits/new"), typed_entry(number, **more), "/center/permits/new"
    )
    assert page.hook("status") == "manual_unverified", page.errors()
    return number, page


def told(local: LocalPortal, number: int, center: str = "KFS-003", year: int = 1998) -> str:
    return Browser(local.url).get(f"/permits/{center}/{year}/{number}").hook("answer")


def judged(reviewer: Employee, page: Page, verdict: str, reason: str = "", *marks: str) -> Page:
    form = reviewer.get(f"{page.path}/review")
    changes = {"verdict": verdict, "reason": reason, "marks": list(marks)}
    return reviewer.send(form, changes, "/review")


def put(local: LocalPortal, clerk: str, center: str = "KFS-006", **more: object) -> Permit:
    """An entry from paper by an account of its own."""
    values: dict[str, object] = {
        "center_code": center,
        "number": PermitNumber(next(_NUMBERS), "", 1997),
        "permit_type": "new",
        "issued_on": date(1997, 3, 4),
        "source": "backlog",
        "status": Status.MANUAL_UNVERIFIED,
        "people": People([Owner(NAME)]),
        "columns": {"street": "شارع المحطة", "building_no": "5"},
    }
    vault = local.portal.vault
    with local.portal.database.begin() as db:
        new = NewPermit(**{**values, **more})  # type: ignore[arg-type]
        permit_id = registry.enter(db, vault, new, clerk, local.clock.now())
        return reading.by_id(db, vault, permit_id)


def clerk_name() -> str:
    return f"clerk{next(_CLERKS)}@KFS-006"


def drawn_lot(local: LocalPortal, clerk: str, by: str = "reviewer@KFS-006") -> int:
    now = local.clock.now()
    days = (cairo_day(now), cairo_day(now))
    with local.portal.database.begin() as db:
        return lots.make(db, "KFS-006", by, now, enterer=clerk, days=days)


def judge_sample(
    local: LocalPortal, lot_id: int, wrong: int = 0, by: str = "reviewer@KFS-006"
) -> list[int]:
    """Judge the whole sample, the first ``wrong`` of it as wrong; the ids of the sample."""
    vault, now = local.portal.vault, local.clock.now()
    with local.portal.database.begin() as db:
        ids = [each.permit_id for each in lots.sample_of(db, lot_id)]
        for place, permit_id in enumerate(ids):
            permit = reading.by_id(db, vault, permit_id)
            if place < wrong:
                lots.judge(db, vault, permit, review.RETURNED, "خطأ", ["street"], by, now)
            else:
                lots.judge(db, vault, permit, review.ACCEPTED, "", [], by, now)
    return ids


def statuses(local: LocalPortal, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    rows = local.rows(
        select(BuildingPermit.id, BuildingPermit.status, BuildingPermit.review).where(
            BuildingPermit.id.in_(ids)
        )
    )
    return {row.id: (row.status, row.review) for row in rows}


# --- the survey


def test_files_are_counted_by_ranges_and_those_that_are_entered_stay(local: LocalPortal) -> None:
    clerk = local.employee("backlog_entry")
    path = f"{BASE}/survey"
    year = "1961"
    counted = {"shelf": "ب-٣", "file_year": year, "first": "٠٠١", "last": "٣٠"}
    page = clerk.send(clerk.get(path), counted, "/survey")
    assert (page.status, page.hook("added")) == (200, "30"), page.errors()
    again = clerk.send(clerk.get(path), counted | {"last": "32"}, "/survey")
    assert again.hook("added") == "2", "what was counted before is not counted twice"

    number = next(_NUMBERS)
    typed = typed_entry(number, year=year, issued_on="1961-02-01", file_no="٠٠٧")
    typed["legal_regime"] = "pre-1976"
    entry = clerk.send(clerk.get("/center/permits/new"), typed, "/center/permits/new")
    assert "الرف ب-٣" in entry.text, "the entry finds its file by number and year"
    rows = dict(
        local.rows(
            "SELECT file_no, id FROM backlog_files WHERE center_code = 'KFS-003' AND year = 1961"
        )
    )
    assert len(rows) == 32
    proof = clerk.get(path).values("/survey")
    kept = clerk.post(f"{path}/{rows['7']}/remove", proof)
    assert kept.status == 409
    assert clerk.post(f"{path}/{rows['8']}/remove", proof).status == 200
    elsewhere = local.employee("backlog_entry", "KFS-004")
    theirs = elsewhere.get(path).values("/survey")
    assert elsewhere.post(f"{path}/{rows['9']}/remove", theirs).status == 404
    left = local.rows("SELECT count(*) FROM backlog_files WHERE year = 1961")[0][0]
    assert left == 31
    open_ = clerk.get(f"{path}?entered=yes&department=building-licensing&year=١٩٦١")
    assert open_.hooks("file") == ["7/1961"]
    found = clerk.get(f"{path}?year=1961&number=٠١٢")
    assert found.hooks("file") == ["12/1961"], "a file is found by its number, however written"
    assert not clerk.get(f"{path}?year=196").hooks("file"), "no year is no file, not all of them"
    assert not clerk.get(f"{path}?number={'1/' * 30}").hooks("file")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"department": "castle"}, "department"),
        ({"shelf": ""}, "shelf"),
        ({"shelf": "x" * 41}, "shelf"),
        ({"file_year": "61"}, "file_year"),
        ({"file_year": "2099"}, "file_year"),
        ({"first": ""}, "first"),
        ({"first": "9", "last": "3"}, "last"),
        ({"first": "1", "last": "2001"}, "last"),
        ({"first": "12/أ", "last": "15"}, "last"),
        ({"first": "1", "last": "99999999999999999999"}, "last"),
    ],
)
def test_a_survey_that_cannot_be_is_told_at_its_control_and_counts_nothing(
    local: LocalPortal, wrong: dict[str, str], field: str
) -> None:
    clerk = local.employee("backlog_entry", "KFS-005")
    before = local.rows("SELECT count(*) FROM backlog_files")
    good = {"shelf": "١", "file_year": "1962", "first": "1", "last": ""}
    page = clerk.send(clerk.get(f"{BASE}/survey"), good | wrong, "/survey")
    assert (page.status, [where for where, _ in page.errors()]) == (422, [field])
    assert local.rows("SELECT count(*) FROM backlog_files") == before


# --- a second person


def test_an_entry_is_returned_corrected_and_accepted_and_told_only_then(
    local: LocalPortal,
) -> None:
    clerk, reviewer = local.employee("backlog_entry"), local.employee("backlog_reviewer")
    number, page = entered_by(clerk)
    assert told(local, number) == "unverified"
    unmarked = judged(reviewer, page, "returned", "الشارع خطأ")
    assert [where for where, _ in unmarked.errors()] == ["marks"]
    unexplained = judged(reviewer, page, "returned", "", "street")
    assert [where for where, _ in unexplained.errors()] == ["reason"]
    contradicted = judged(reviewer, page, "accepted", "", "street")
    assert [where for where, _ in contradicted.errors()] == ["marks"]

    returned = judged(reviewer, page, "returned", "الشارع خطأ", "street", "floors_above")
    assert returned.hook("review") == "returned"
    assert told(local, number) == "unverified"
    too_early = reviewer.post(
        f"{page.path}/review", {"_csrf": token(reviewer, BASE), "verdict": "accepted"}
    )
    assert too_early.status == 409, "first it is corrected"

    form = clerk.get(f"{page.path}/correct")
    assert set(form.hook("marks").split()) == {"street", "floors_above"}
    unchanged = clerk.send(form, {}, "/correct")
    assert [where for where, _ in unchanged.errors()] == ["note"], "nothing was changed"
    corrected = clerk.send(form, {"street": "شارع بورسعيد", "floors_above": "٣"}, "/correct")
    assert corrected.hook("review") == "waiting", corrected.errors()
    assert told(local, number) == "unverified"
    seen = reviewer.get(f"{page.path}/review")
    assert set(seen.hook("changes").split()) == {"street", "floors_above"}
    assert "شارع الجيش" in seen.text, "what stood there before"
    assert "شارع بورسعيد" in seen.text

    accepted = judged(reviewer, page, "accepted")
    assert accepted.hook("status") == "valid_not_started"
    assert told(local, number) == "found"
    acts = local.rows(
        select(PermitAct.act)
        .where(PermitAct.permit_id == int(page.path.split("/")[-1]))
        .order_by(PermitAct.revision)
    )
    assert [row.act for row in acts] == ["enter", "return", "correct", "review"]
    assert clerk.get(f"{page.path}/correct").status == 409, "what is accepted stays"


def test_who_entered_or_corrected_an_entry_does_not_review_it(local: LocalPortal) -> None:
    clerk, head = local.employee("backlog_entry"), local.employee("department_head")
    _, page = entered_by(clerk)
    assert clerk.get(f"{page.path}/review").status == 403
    assert local.employee("backlog_reviewer").get(f"{page.path}/correct").status == 403
    corrected = head.send(
        head.get(f"{page.path}/correct"), {"street": "شارع سعد زغلول"}, "/correct"
    )
    assert corrected.hook("review") == "waiting"
    assert not corrected.tree.xpath("//option[@value='review']")
    seen = head.get(f"{page.path}/review")
    assert not seen.tree.xpath("//input[@name='verdict']")
    refused = head.post(f"{page.path}/review", {"_csrf": token(head, BASE), "verdict": "accepted"})
    assert refused.status == 403
    permit_id = int(page.path.split("/")[-1])
    for person in ("backlog_entry@KFS-003", "department_head@KFS-003"):
        with pytest.raises(IntegrityError), local.portal.database.begin() as db:
            db.execute(
                update(BuildingPermit)
                .where(BuildingPermit.id == permit_id)
                .values(status="valid_not_started", reviewed_by=person)
            )
    with pytest.raises(IntegrityError), local.portal.database.begin() as db:
        db.execute(
            update(BuildingPermit)
            .where(BuildingPermit.id == permit_id)
            .values(status="valid_not_started")
        )


def test_a_rejected_entry_keeps_its_history_and_gives_its_number_back(local: LocalPortal) -> None:
    clerk, reviewer = local.employee("backlog_entry"), local.employee("backlog_reviewer")
    number, page = entered_by(clerk)
    rejected = judged(reviewer, page, "rejected", "مكرر")
    assert rejected.hook("review") == "rejected"
    assert "مكرر" in rejected.text
    visitor = Browser(local.url)
    assert visitor.get(f"/permits/KFS-003/1998/{number}").status == 404
    ((serial,),) = local.rows(
        select(BuildingPermit.serial).where(BuildingPermit.id == int(page.path.split("/")[-1]))
    )
    assert visitor.get(f"/permits/{serial}").status == 404
    looked_up = clerk.get(f"/center/permits?number={number}/1998")
    assert looked_up.status == 422
    assert str(number) in "".join(clerk.get("/center/permits?only=rejected").hooks("permit"))
    assert clerk.get(f"{page.path}/correct").status == 409
    form = clerk.get("/center/permits/new")
    again = clerk.send(form, typed_entry(number), "/center/permits/new")
    assert again.hook("review") == "waiting", "the number is free"
    third = clerk.send(form, typed_entry(number), "/center/permits/new")
    assert third.status == 409, "and then taken"


def test_a_missing_day_of_issue_is_filled_in_before_the_entry_is_accepted(
    local: LocalPortal,
) -> None:
    permit = put(local, "backlog_entry@KFS-003", "KFS-003", issued_on=None)
    path = f"/center/permits/{permit.id}"
    clerk, reviewer = local.employee("backlog_entry"), local.employee("backlog_reviewer")
    page = reviewer.get(path)
    undated = judged(reviewer, page, "accepted")
    assert (undated.status, [where for where, _ in undated.errors()]) == (409, ["verdict"])
    form = clerk.get(f"{path}/correct")
    taken = put(local, "other@KFS-003", "KFS-003").number.number
    double = clerk.send(form, {"issued_on": "1997-03-04", "number": str(taken)}, "/correct")
    assert (double.status, [where for where, _ in double.errors()]) == (409, ["number"])
    filled = clerk.send(form, {"issued_on": "1997-03-04"}, "/correct")
    assert filled.hook("review") == "waiting", filled.errors()
    assert judged(reviewer, page, "accepted").hook("status") == "valid_not_started"


def test_of_two_reviewers_at_once_the_second_is_refused(local: LocalPortal) -> None:
    seen = put(local, clerk_name())
    vault, now = local.portal.vault, local.clock.now()
    today = cairo_day(now)
    with local.portal.database.begin() as db:
        review.judge(db, vault, seen, "returned", "خطأ", ["street"], "one@KFS-006", now, today)
    with pytest.raises(Conflict), local.portal.database.begin() as db:
        review.judge(db, vault, seen, "accepted", "", [], "two@KFS-006", now, today)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_an_entry_nobody_outside_is_told_before_it_is_accepted(
    local: LocalPortal, seed: int
) -> None:
    """Acts in any order, by anybody: only what a second person accepted is ever told."""
    chance, vault = random.Random(seed), local.portal.vault
    clerk, people = clerk_name(), ("a@KFS-006", "b@KFS-006")
    ids = [put(local, clerk).id for _ in range(4)]
    now = local.clock.now()
    today = cairo_day(now)
    lot_ids: list[int] = []
    for _ in range(40):
        person = chance.choice((*people, clerk))
        act = chance.choice(
            ("accept", "return", "reject", "correct", "draw", "sample", "release", "send", "again")
        )
        try:
            with local.portal.database.begin() as db:
                permit = reading.by_id(db, vault, chance.choice(ids))
                if act in {"accept", "return", "reject"}:
                    verdict = {"accept": "accepted", "return": "returned", "reject": "rejected"}
                    review.judge(db, vault, permit, verdict[act], "سبب", [], person, now, today)
                elif act == "correct":
                    new = NewPermit(
                        "KFS-006",
                        permit.number,
                        "new",
                        date(1997, 3, 5),
                        "backlog",
                        columns={"street": f"شارع {chance.random()}"},
                    )
                    review.correct(db, vault, permit, new, person, "", now)
                elif act == "draw":
                    days = (today, today)
                    lot_ids.append(lots.make(db, "KFS-006", person, now, enterer=clerk, days=days))
                elif act == "sample":
                    verdict_of = chance.choice(("accepted", "accepted", "returned"))
                    lots.judge(db, vault, permit, verdict_of, "سبب", ["street"], person, now)
                elif lot_ids and act == "release":
                    lots.release(db, vault, "KFS-006", lot_ids[-1], person, now, today)
                elif lot_ids and act == "send":
                    lots.send_back(db, vault, "KFS-006", lot_ids[-1], person, "سبب", now)
                elif lot_ids:
                    lots.resubmit(db, "KFS-006", lot_ids[-1], person, now)
        except (Conflict, Missing):
            continue
        _assert_only_accepted_is_told(local, ids)


def _assert_only_accepted_is_told(local: LocalPortal, ids: Sequence[int]) -> None:
    vault, now = local.portal.vault, local.clock.now()
    for permit_id in ids:
        with local.portal.database.begin() as db:
            permit = reading.by_id(db, vault, permit_id)
            acts = reading.history(db, vault, permit_id)
            count = next(_ASKERS)
            asker = Asker(f"10.9.{count // 250}.{count % 250}")
            answer = inquiry.by_serial(db, vault, permit.row["serial"], asker, now, cairo_day(now))
        makers = {each.actor for each in acts if each.act in {"enter", "correct", "resubmit"}}
        accepted = {each.actor for each in acts if each.act == "review"}
        told_of = answer.kind is AnswerClass.FOUND
        assert told_of == bool(accepted), "what somebody accepted, and nothing else"
        assert not makers & accepted, "somebody who had no hand in it"


# --- lots


def test_a_lot_whose_sample_passes_is_released_in_one_act_with_a_line_for_each_entry(
    shared: LocalPortal,
) -> None:
    clerk, by = clerk_name(), "reviewer@KFS-006"
    ids = [put(shared, clerk).id for _ in range(160)]
    undated = put(shared, clerk, issued_on=None).id
    lot_id = drawn_lot(shared, clerk)
    vault, now = shared.portal.vault, shared.clock.now()
    with shared.portal.database.read() as db:
        lot = lots.one(db, vault, "KFS-006", lot_id)
        sample = [each.permit_id for each in lots.sample_of(db, lot_id)]
    assert (lot.size, lot.sample_size, lot.accept_number) == (161, 50, 1)
    assert sample == draw([*ids, undated], 50, lot.seed), "it can be drawn again from its seed"
    with pytest.raises(NotPossible, match="sample"), shared.portal.database.begin() as db:
        lots.release(db, vault, "KFS-006", lot_id, by, now, cairo_day(now))
    one = next(each for each in ids if each not in sample)
    with shared.portal.database.begin() as db:
        permit = reading.by_id(db, vault, one)
        with pytest.raises(NotPossible, match="in_lot"):
            review.judge(db, vault, permit, "accepted", "", [], by, now, cairo_day(now))
        new = NewPermit("KFS-006", permit.number, "new", date(1997, 3, 5), "backlog")
        with pytest.raises(NotPossible, match="status"):
            review.correct(db, vault, permit, new, clerk, "", now)

    if undated in sample:  # a second person cannot accept it: it is the one that is wrong
        wrong = [undated]
        with shared.portal.database.begin() as db:
            permit = reading.by_id(db, vault, undated)
            lots.judge(db, vault, permit, "returned", "خطأ", ["issued_on"], by, now)
            for each in sample:
                if each != undated:
                    permit = reading.by_id(db, vault, each)
                    lots.judge(db, vault, permit, "accepted", "", [], by, now)
    else:
        wrong = judge_sample(shared, lot_id, wrong=1)[:1]
    with shared.portal.database.begin() as db:
        done = lots.release(db, vault, "KFS-006", lot_id, by, now, cairo_day(now))
    accepted = set(ids) - set(wrong)
    assert done == len(accepted)
    found = statuses(shared, [*ids, undated])
    assert {found[each] for each in accepted} == {("valid_not_started", "")}
    assert found[wrong[0]] == ("manual_unverified", "returned")
    assert found[undated][0] == "manual_unverified", "without a day of issue nothing is accepted"
    lines = shared.rows(
        select(PermitAct.permit_id, PermitAct.actor, PermitAct.revision).where(
            PermitAct.permit_id.in_(accepted), PermitAct.act == "review"
        )
    )
    assert {row.permit_id for row in lines} == accepted
    assert {(row.actor, row.revision) for row in lines} == {(by, 1)}
    with pytest.raises(NotPossible, match="decided"), shared.portal.database.begin() as db:
        lots.release(db, vault, "KFS-006", lot_id, by, now, cairo_day(now))


def test_a_lot_whose_sample_fails_goes_back_whole_and_comes_again(shared: LocalPortal) -> None:
    clerk, by = clerk_name(), "reviewer@KFS-006"
    ids = [put(shared, clerk).id for _ in range(20)]
    lot_id = drawn_lot(shared, clerk)
    vault, now = shared.portal.vault, shared.clock.now()
    wrong = judge_sample(shared, lot_id, wrong=2)[:2]
    with pytest.raises(NotPossible, match="sample"), shared.portal.database.begin() as db:
        lots.release(db, vault, "KFS-006", lot_id, by, now, cairo_day(now))
    with shared.portal.database.begin() as db:
        lots.send_back(db, vault, "KFS-006", lot_id, by, "راجع أسماء الشوارع", now)
        assert lots.left_to_compare(db, lot_id) == (18, 2)
    assert set(statuses(shared, ids).values()) == {("manual_unverified", "returned")}
    with shared.portal.database.read() as db:
        told_why = [reading.history(db, vault, each)[-1] for each in ids]
    assert {each.act for each in told_why} == {"return"}
    assert sorted({each.note for each in told_why}) == sorted({"خطأ", "راجع أسماء الشوارع"})
    with shared.portal.database.begin() as db:
        assert lots.resubmit(db, "KFS-006", lot_id, clerk, now) == 18
    found = statuses(shared, ids)
    assert {found[each][1] for each in wrong} == {"returned"}, "these are corrected by themselves"
    assert {found[each][1] for each in ids if each not in wrong} == {""}
    again = drawn_lot(shared, clerk)
    with shared.portal.database.read() as db:
        assert lots.one(db, vault, "KFS-006", again).size == 18


def test_nobody_draws_or_judges_a_lot_of_his_own(local: LocalPortal) -> None:
    clerk = clerk_name()
    ids = [put(local, clerk).id for _ in range(3)]
    with pytest.raises(NotPossible, match="own"):
        drawn_lot(local, clerk, by=clerk)
    lot_id = drawn_lot(local, clerk)
    with pytest.raises(NotPossible, match="own"):
        judge_sample(local, lot_id, by=clerk)
    judge_sample(local, lot_id)
    now = local.clock.now()
    with local.portal.database.begin() as db:
        # the sample has passed, and yet its maker releases nothing of it
        done = lots.release(db, local.portal.vault, "KFS-006", lot_id, clerk, now, cairo_day(now))
    assert done == 0
    assert set(statuses(local, ids).values()) == {("manual_unverified", "")}
    with pytest.raises(NotPossible, match="few"):
        drawn_lot(local, clerk_name())


def test_a_lot_is_drawn_judged_and_released_on_its_pages(local: LocalPortal) -> None:
    center = "KFS-007"
    clerk = local.employee("backlog_entry", center)
    reviewer = local.employee("backlog_reviewer", center)
    numbers = [entered_by(clerk)[0] for _ in range(3)]
    page = reviewer.get(f"{BASE}/lots")
    name = f"backlog_entry@{center}"
    assert name in page.hooks("waiting")
    today = cairo_day(local.clock.now()).isoformat()
    group = {"enterer": name, "import_id": "", "first_day": today, "last_day": today}
    undated = reviewer.post(f"{BASE}/lots", {**page.values("/lots"), **group, "last_day": "x"})
    assert undated.status == 422
    lot = reviewer.post(f"{BASE}/lots", {**page.values("/lots"), **group})
    assert lot.hook("lot-state") == "open"
    assert local.employee("backlog_entry", "KFS-008").get(lot.path).status == 404
    assert (
        clerk.post(f"{lot.path}/release", clerk.get("/center/permits/new").values()).status == 403
    )
    back = lot
    for permit_id in lot.hooks("sampled"):
        assert back.hook("next") == permit_id, "one after the other, without looking for it"
        back = judged(reviewer, reviewer.get(f"/center/permits/{permit_id}"), "accepted")
        assert back.path == lot.path
    assert not back.hooks("next")
    assert not local.employee("centre_manager", center).get(lot.path).hooks("next")
    assert [told(local, number, center) for number in numbers] == ["unverified"] * 3
    released = reviewer.send(reviewer.get(lot.path), {}, "/release")
    assert released.hook("lot-state") == "released"
    assert [told(local, number, center) for number in numbers] == ["found"] * 3
    again = reviewer.post(f"{lot.path}/release", page.values())
    assert again.status == 409


# --- rates


def test_rates_are_those_of_what_was_counted_entered_and_judged(local: LocalPortal) -> None:
    center = "KFS-009"
    head = local.employee("department_head", center)
    page = head.get(BASE)
    (row,) = page.tree.xpath("//tr[@data-rates='building-licensing']")
    assert row.get("data-entry") == "53/62", "of the demo: 46 of its past, 8 now, one rejected"
    assert row.get("data-quality") == "40/43"
    assert row.get("data-archive") == "0/53"
    assert "٨٥٫٤٪" in page.text
    assert page.hooks("marked") == ["street", "floors_above"]
    assert page.hooks("enterer") == [f"backlog_entry@{center}", "demo"]
    shops = page.tree.xpath("//tr[@data-rates='shop-licensing']")[0]
    assert shops.get("data-entry") == "0/25"
    assert "—" in shops.text_content(), "nothing is divided by nothing"
    clerk = local.employee("backlog_entry", center)
    assert not clerk.get(BASE).hooks("enterer"), "who answers for nobody sees nobody's rate"

    answer = head.client.get(f"{head.base_url}{BASE}/rates")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == "الإدارة"
    assert ["62", "53", "85.4", "43", "40", "93.0", "0", "0.0"] in [row[1:] for row in rows]


def test_a_rate_of_nothing_is_none_and_all_but_one_is_not_all() -> None:
    assert rates.Rate(0, 0).tenths is None
    assert rates.Rate(1999, 2000).tenths == 999
    assert rates.Rate(2000, 2000).tenths == 1000
    assert rates.total([]).entry.tenths is None


def test_the_governorate_sees_its_centers_and_the_ministry_any(local: LocalPortal) -> None:
    admin = _above(local, "governorate_admin", "EG-KFS")
    page = admin.get("/center/admin/backlog")
    assert page.tree.xpath("//tr[@data-rates='KFS-009']/@data-entry") == ["53/97"]
    assert admin.get("/center/admin/backlog?governorate=EG-C").status == 404
    ministry = _above(local, "ministry_viewer", "EG")
    assert not ministry.get("/center/admin/backlog").hooks("rates")
    chosen = ministry.get("/center/admin/backlog?governorate=EG-KFS")
    assert "KFS-009" in chosen.hooks("rates")
    nothing = ministry.get("/center/admin/backlog?governorate=EG-C")
    assert set(nothing.hooks("entry")) == {"0/0"}
    file = ministry.client.get(f"{ministry.base_url}/center/admin/backlog/rates?governorate=EG-KFS")
    assert ",97,53,54.6,43,40,93.0,0,0.0" in file.content.decode("utf-8-sig")
    assert local.employee("department_head").get("/center/admin/backlog").status == 403


def _above(local: LocalPortal, role: str, place: str) -> Employee:
    made = Employee(local.url, f"{role}@{place}")
    made.sign_in()
    return made


def test_the_command_line_tells_the_rates_of_a_center(local: LocalPortal) -> None:
    settings = local.portal.settings
    code, said = run_command(settings, "permits", "backlog", "KFS-009")
    assert code == 0
    assert "building-licensing  entered 53/62 (85.4 %)  accepted 40/43 (93.0 %)" in said
    assert "shop-licensing  entered 0/25 (0.0 %)  accepted 0/0 (-)" in said
    assert run_command(settings, "permits", "backlog", "XXX")[0] == 2


# --- scans


def test_scans_are_distrusted_counted_and_for_those_who_work_with_the_paper(
    local: LocalPortal,
) -> None:
    clerk = local.employee("backlog_entry")
    _, page = entered_by(clerk)
    path = f"{page.path}/scans"
    form = clerk.get(path)
    name, content, kind = photo()
    added = clerk.send(form, {}, "/scans", files={"file": (name, content, kind)})
    assert added.hook("scans") == "1", added.errors()
    script = clerk.send(form, {}, "/scans", files={"file": ("a.pdf", b"<script>", "image/png")})
    assert (script.status, script.hook("scans")) == (422, "1")
    link = str(added.tree.xpath("//ul[@class='files']//a/@href")[0])
    shown = clerk.client.get(f"{local.url}{link}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, kind)
    assert shown.content != content, "encoded anew, without what the phone wrote into it"
    for role, place, status in (
        ("front_office", "KFS-003", 403),
        ("inspector", "KFS-003", 403),
        ("backlog_entry", "KFS-004", 404),
        ("backlog_reviewer", "KFS-003", 200),
    ):
        other = local.employee(role, place)
        assert other.client.get(f"{local.url}{link}").status_code == status, role
    archivist = local.employee("archivist")
    proof = archivist.get(path).values("/scans")
    assert archivist.post(f"{link}/remove", proof).status == 404, "it is another's"
    local.worker._tidy_files()
    kept = local.rows(select(PermitScan.storage_key))
    assert local.portal.files.read(kept[-1].storage_key)
    assert (
        clerk.post(f"{link}/remove", proof | clerk.get(path).values("/scans")).hook("scans") == "0"
    )
    document = pdf()
    again = clerk.send(clerk.get(path), {}, "/scans", files={"file": document})
    assert again.hook("scans") == "1"


# --- cut-off days


def test_after_its_last_day_no_permit_on_paper_is_entered(local: LocalPortal) -> None:
    center = "KFS-010"
    admin = _above(local, "governorate_admin", "EG-KFS")
    path = "/center/admin/cutoffs"
    said = {"center": center, "service": "building-permit-new", "last_day": "2019-11-15"}
    unexplained = admin.send(admin.get(path), {**said, "act": "set"}, "/cutoffs")
    assert [where for where, _ in unexplained.errors()] == ["reason"]
    page = admin.send(
        admin.get(path), {**said, "reason": "قرار ٥ لسنة ٢٠١٩", "act": "set"}, "/cutoffs"
    )
    assert f"{center} building-permit-new 2019-11-15" in page.hooks("cutoff")

    head = local.employee("department_head", center)
    assert head.get(BASE).hooks("cutoff") == ["building-permit-new 2019-11-15"]
    form = head.get("/center/permits/new")
    assert form.hook("cutoffs") == "1"
    late = typed_entry(next(_NUMBERS), year="2019", issued_on="2019-11-16")
    refused = head.send(form, late, "/center/permits/new")
    assert [where for where, _ in refused.errors()] == ["issued_on"]
    assert "١٥ نوفمبر ٢٠١٩" in refused.text
    assert head.send(form, late | {"issued_on": "2019-11-15"}, "/new").status == 200
    other = typed_entry(
        next(_NUMBERS), year="2019", issued_on="2019-11-16", permit_type="demolition"
    )
    assert head.send(form, other, "/new").status == 200, "another service has none"
    permit = put(local, f"backlog_entry@{center}", center)
    correction = head.get(f"/center/permits/{permit.id}/correct")
    moved = head.send(correction, {"issued_on": "2020-01-05", "year": "2020"}, "/correct")
    assert [where for where, _ in moved.errors()] == ["issued_on"]

    lifted = admin.send(
        admin.get(path), {**said, "reason": "خطأ في القرار", "act": "lift"}, "/cutoffs"
    )
    assert not [each for each in lifted.hooks("cutoff") if each.startswith(center)]
    assert "قرار ٥ لسنة ٢٠١٩" in lifted.text, "what was said before stays in the history"
    late["number"] = str(next(_NUMBERS))
    assert head.send(form, late, "/new").status == 200


def test_only_the_governorate_says_a_cutoff_and_only_for_its_centers(local: LocalPortal) -> None:
    path = "/center/admin/cutoffs"
    assert local.employee("centre_manager").get(path).status == 403
    assert _above(local, "followup_member", "EG-KFS").get(path).status == 403
    admin = _above(local, "governorate_admin", "EG-KFS")
    wrong = {"center": "CAI-001", "service": "castle", "last_day": "1850-01-01", "reason": "x"}
    page = admin.send(admin.get(path), {**wrong, "act": "set"}, "/cutoffs")
    assert [where for where, _ in page.errors()] == ["center", "service", "last_day"]


def test_a_file_brings_no_permit_that_is_later_than_its_last_day(local: LocalPortal) -> None:
    center = local.portal.places.centers["KFS-011"]
    columns = {name: place for place, name in enumerate(("number", "year", "issued_on", "street"))}
    assumed = {"permit_type": "new", "legal_regime": "119/2008"}
    days = {"new": date(2019, 11, 15)}
    check = RowCheck(columns, assumed, center, date(2026, 11, 22), None, days).check
    good = check(2, ("5", "2019", "2019-11-15", "شارع الجيش"))
    assert (good.permit is not None, good.problems) == (True, [])
    late = check(3, ("6", "2019", "2019-11-16", "شارع الجيش"))
    assert late.permit is None
    assert [(each.field, each.params["day"]) for each in late.problems] == [
        ("issued_on", date(2019, 11, 15))
    ]
