"""Who is told as a permit's owner: the mobile proves it, for anybody may say a national ID."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from portal.identity import otp
from portal.permits import inquiry
from portal.permits import reading as register
from portal.permits.model import PermitClaim, PermitInquiry, PermitOwner
from portal.permits.reading import Owner, People
from tests.support.answers import NATIONAL_ID
from tests.support.issuing import issued
from tests.support.local import LocalPortal
from tests.support.people import Browser, Page
from tests.support.permits import CENTER, NAME, NUMBERS, put

_ID = "29001018800042"
_MINE, _OTHER = "01055500001", "01055500002"
_CARD = {"owner_id": _ID, "note": "اطلعنا على البطاقة"}


def _recorded(local: LocalPortal, mobile: str = _MINE, national_id: str = _ID) -> tuple[int, str]:
    e164 = f"+2{mobile}" if mobile else ""
    return put(local, people=People([Owner(NAME, national_id, e164)]))


def _listed(citizen: Browser) -> list[str]:
    page = citizen.get("/permits")
    return [str(each) for each in page.tree.xpath("//section[@aria-labelledby='own']//a/@href")]


def _claims(local: LocalPortal, permit_id: int) -> int:
    count = select(func.count()).where(PermitClaim.permit_id == permit_id)
    return int(local.rows(count)[0][0])


@pytest.fixture
def local(still: LocalPortal) -> LocalPortal:
    """Who asks much must wait: each test has its own hour."""
    with still.portal.database.begin() as db:
        db.execute(update(PermitInquiry).values(at=still.clock.now() - timedelta(hours=2)))
    return still


# --- the mobile that is recorded


def test_who_signs_in_with_the_recorded_mobile_finds_his_permits_in_his_list(
    local: LocalPortal,
) -> None:
    _, address = _recorded(local)
    owner = local.signed_in(_ID, _MINE)
    assert address in _listed(owner)
    page = owner.get(address)
    assert NAME in page.text
    assert page.tree.xpath("//section[@aria-labelledby='asked']")


def test_who_only_claims_the_national_id_sees_what_anyone_sees(local: LocalPortal) -> None:
    _, address = _recorded(local)
    thief = local.signed_in(_ID, _OTHER)
    stranger = local.signed_in("29001018800059", "01055500003")
    assert address not in _listed(thief)
    pages = [each.get(address) for each in (thief, stranger)]
    for page in pages:
        assert page.hook("answer") == "found"
        assert NAME not in page.text
        assert not page.tree.xpath("//section[@aria-labelledby='asked']")
    told = [page.tree.xpath("string(//main)").split() for page in pages]
    assert told[0] == told[1], "nothing says that the national ID is the owner's"
    assert address not in _listed(thief), "and naming it makes no difference"


def test_a_mobile_that_only_claims_can_give_a_bank_no_consent(local: LocalPortal) -> None:
    _, recorded = _recorded(local)
    _, bare = _recorded(local, "")
    thief = local.signed_in(_ID, _OTHER)
    proof = thief.get(recorded).values("/report")
    nothing = f"/permits/{CENTER}/2019/{next(NUMBERS)}"
    for address in (recorded, bare, nothing):
        answer = thief.post(f"{address}/consent", proof)
        assert answer.status == 404, "nor does it learn whose permit this is, unpaced"


# --- while none is recorded


def test_without_a_recorded_mobile_the_owner_names_his_permit_once_and_then_finds_it_listed(
    local: LocalPortal,
) -> None:
    permit_id, address = _recorded(local, "")
    owner = local.signed_in(_ID, _MINE)
    assert address not in _listed(owner), "a list by national ID would be a search by it"
    assert NAME in owner.get(address).text
    assert address in _listed(owner)
    assert NAME in owner.get(address).text
    assert _claims(local, permit_id) == 1
    assert address not in _listed(local.signed_in(_ID, _OTHER)), "it was told to that account"


def test_an_owner_s_national_id_that_is_only_said_makes_no_wait_shorter(
    local: LocalPortal,
) -> None:
    """Who is told sooner whose permit it is would find by guesses what belongs to whom."""
    _, bare = _recorded(local, "")
    _, recorded = _recorded(local)
    owner = local.signed_in(_ID, _MINE)
    guesses = [f"/permits/{CENTER}/2015/{next(NUMBERS)}" for _ in range(inquiry.FREE_FOR_CITIZENS)]
    assert {owner.get(each).status for each in guesses} == {404}
    assert owner.get(f"/permits/{CENTER}/2015/{next(NUMBERS)}").status == 429
    assert owner.get(bare).status == 429
    assert owner.get(recorded).status == 200, "what is proved his never waits"


def test_a_code_on_the_sign_tells_the_owner_all_as_well(local: LocalPortal) -> None:
    permit_id, address = _recorded(local, "")
    with local.portal.database.read() as db:
        serial = register.by_id(db, local.portal.vault, permit_id).row["serial"]
    owner = local.signed_in(_ID, _MINE)
    assert NAME in owner.get(f"/permits/{serial}").text
    assert address in _listed(owner)


def test_a_mobile_of_many_national_ids_opens_what_has_it_recorded_and_nothing_else(
    local: LocalPortal,
) -> None:
    mobile = "01055500009"
    _, recorded = _recorded(local, mobile)
    _, bare = _recorded(local, "")
    citizen = local.signed_in(_ID, mobile)
    with local.portal.database.begin() as db:
        for n in range(inquiry.MOST_CLAIMED):
            otp.citizen_for(
                db,
                local.portal.vault,
                f"290010177{n:05d}",
                f"+2{mobile}",
                local.clock.now(),
            )
    assert _listed(citizen) == [recorded]
    assert NAME in citizen.get(recorded).text
    assert NAME not in citizen.get(bare).text


# --- by a request of one's own


def test_a_permit_that_came_of_ones_own_request_is_listed_and_has_the_mobile_of_the_request(
    local: LocalPortal,
) -> None:
    citizen = local.someone()
    filed = issued(local, "building-permit-restoration", f"{next(NUMBERS)}/2026", citizen)
    with local.portal.database.read() as db:
        permit = register.by_request(db, local.portal.vault, filed)
    assert permit is not None
    address = f"/permits/{CENTER}/{permit.number.year}/{permit.number.in_address}"
    assert address in _listed(citizen)
    assert permit.people.owners[0].mobile
    other = local.signed_in(NATIONAL_ID, "01055500010")
    assert address not in _listed(other)
    assert permit.people.owners[0].name not in other.get(address).text


# --- at the counter


def _send(local: LocalPortal, permit_id: int, **typed: str) -> Page:
    clerk = local.employee("front_office")
    page = clerk.get(f"/center/permits/{permit_id}/owner-mobile")
    return clerk.send(page, {"owner": "0", **_CARD, **typed}, page.path)


def test_the_counter_records_the_owner_s_mobile_and_what_was_claimed_before_is_over(
    local: LocalPortal,
) -> None:
    permit_id, address = _recorded(local, "")
    thief, owner = local.signed_in(_ID, _OTHER), local.signed_in(_ID, _MINE)
    thief.get(address)
    assert address in _listed(thief)
    page = _send(local, permit_id, mobile="٠١٠ ٥٥٥٠ ٠٠٠١")
    assert (page.status, page.path) == (200, f"/center/permits/{permit_id}"), page.errors()
    assert (address in _listed(owner), address in _listed(thief)) == (True, False)
    assert NAME not in thief.get(address).text
    told = owner.get(address).text
    assert _CARD["note"] in told, "the owner reads who was let in, and why"
    with local.portal.database.read() as db:
        act = register.history(db, local.portal.vault, permit_id)[-1]
    assert (act.act, act.actor) == ("owner_mobile", f"front_office@{CENTER}")


def test_a_lost_telephone_opens_the_permit_no_more(local: LocalPortal) -> None:
    permit_id, address = _recorded(local)
    lost = local.signed_in(_ID, _MINE)
    assert NAME in lost.get(address).text
    assert _send(local, permit_id, mobile=_OTHER).status == 200
    assert NAME not in lost.get(address).text
    assert NAME in local.signed_in(_ID, _OTHER).get(address).text


def test_the_card_must_be_the_owner_s(local: LocalPortal) -> None:
    permit_id, _ = _recorded(local, "")
    page = _send(local, permit_id, owner_id=NATIONAL_ID, mobile=_MINE)
    assert (page.status, [where for where, _ in page.errors()]) == (422, ["owner_id"])
    page = _send(local, permit_id, owner="7", owner_id="12", mobile="5", note=" ")
    told = [where for where, _ in page.errors()]
    assert told == ["owner", "owner_id", "mobile", "note"]
    mobiles = select(PermitOwner.mobile).where(PermitOwner.permit_id == permit_id)
    assert local.rows(mobiles) == [(None,)]


def test_an_owner_of_the_old_books_gets_the_national_id_of_the_card(local: LocalPortal) -> None:
    permit_id, address = _recorded(local, "", "")
    assert _send(local, permit_id, mobile=_MINE).status == 200
    assert address in _listed(local.signed_in(_ID, _MINE))


@pytest.mark.parametrize("role", ["department_officer", "inspector", "backlog_entry"])
def test_only_the_counter_sees_cards(local: LocalPortal, role: str) -> None:
    permit_id, _ = _recorded(local, "")
    employee = local.employee(role)
    assert employee.get(f"/center/permits/{permit_id}/owner-mobile").status == 403
    elsewhere = local.employee("front_office", "KFS-004")
    assert elsewhere.get(f"/center/permits/{permit_id}/owner-mobile").status == 404


def test_the_counter_finds_permits_by_a_card_and_the_owner_sees_that_it_asked(
    local: LocalPortal,
) -> None:
    permit_id, address = _recorded(local)
    _recorded(local, _OTHER, "29001018800067")
    clerk = local.employee("front_office")
    page = clerk.send(clerk.get("/center/permits"), {"card": _ID}, "/of-owner")
    links = page.tree.xpath("//main//li/a/@href")
    assert f"/center/permits/{permit_id}" in links
    assert _ID not in page.path
    owner = local.signed_in(_ID, _MINE)
    assert "موظف بالمركز" in owner.get(address).text
    ((kind, keys),) = local.rows(
        select(PermitInquiry.asker_kind, PermitInquiry.keys).where(
            PermitInquiry.permit_id == permit_id, PermitInquiry.asker_kind == "staff"
        )
    )
    assert (kind, keys) == ("staff", "card"), "the log has no national ID in the clear"
    wrong = clerk.send(page, {"card": "12"}, "/of-owner")
    assert (wrong.status, [where for where, _ in wrong.errors()]) == (422, ["card"])
    elsewhere = local.employee("front_office", "KFS-004")
    found = elsewhere.send(elsewhere.get("/center/permits"), {"card": _ID}, "/of-owner")
    assert found.hook("found") == "0", "another center's permits are not its"


def test_permits_of_other_centers_crowd_none_of_ones_own_out(local: LocalPortal) -> None:
    card = "29001018800075"
    people = People([Owner(NAME, card, "")])
    permit_id, _ = put(local, 900, people=people)
    for _ in range(60):
        put(local, people=people, center_code="KFS-004")
    clerk = local.employee("front_office")
    found = clerk.send(clerk.get("/center/permits"), {"card": card}, "/of-owner")
    assert f"/center/permits/{permit_id}" in found.tree.xpath("//main//li/a/@href")
