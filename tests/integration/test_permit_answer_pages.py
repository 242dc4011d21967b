"""Answers about permits: the page is made once with blanks, and yet says what each permit says."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from portal.permits import labels, registry
from portal.permits.model import BuildingPermit, PermitInquiry
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Owner, People
from portal.permits.registry import NewPermit
from portal.permits.validity import NOT_STARTED, Status
from tests.support.local import LocalPortal
from tests.support.looking import raw
from tests.support.permits import put

_NASTY = ('<b>ا</b> "ب" & ج', "b0n1e {n} %s", "منى عبد الله", "Zürich 12/4", "")
_SOME: dict[str, Sequence[Any]] = {
    "street": _NASTY[:4],
    "area": _NASTY,
    "building_no": ("12", "٧ مكرر", "<i>3</i>", ""),
    "building_use": (*labels.USES, "عيادة", ""),
    "floors_above": (1, 2, 3, 11, 100, None),
    "basements": (1, 2, None),
    "plot_area": (17550, 100, 1, 123456789, None),
    "total_built_area": (70000, None),
}


def _put(portal: LocalPortal, dice: random.Random, n: int, status: Status) -> str:
    """A permit of all kinds; the path of its answer."""
    now = portal.clock.now()
    number = PermitNumber(300_000 + n, dice.choice(["", "", "م", "B"]), dice.choice([1998, 2024]))
    center = dice.choice(sorted(portal.portal.places.centers))
    owners = [Owner(name) for name in dice.sample(_NASTY[:4], dice.randrange(4))]
    columns = {name: dice.choice(values) for name, values in _SOME.items()}
    issued_on = now.date() - timedelta(days=dice.randrange(700))
    new = NewPermit(
        center,
        number,
        dice.choice(list(labels.TYPES)),
        issued_on,
        "manual",
        People(owners, supervisor=dice.choice(["", "م. سعاد"])),
        status,
    )
    started = {} if status in {Status.LAPSED, *NOT_STARTED} else {"started_on": issued_on}
    shown = {"must_start_by": issued_on + timedelta(days=365), "status_on": issued_on}
    if dice.randrange(2):
        shown["occupied_on"] = now.date()
    with portal.portal.database.begin() as db:
        permit_id = registry.enter(
            db, portal.portal.vault, replace(new, columns={**columns, **started}), "test", now
        )
        db.execute(update(BuildingPermit).where(BuildingPermit.id == permit_id).values(**shown))
    return f"/permits/{center}/{number.year}/{number.in_address}"


@pytest.fixture
def portal(still: LocalPortal, monkeypatch: pytest.MonkeyPatch) -> LocalPortal:
    """Strangers of one address have so many questions an hour: each test has its own hour, in which
    no minute passes between two pages that are compared."""
    now = still.clock.now()
    monkeypatch.setattr(still.clock, "now", lambda: now)
    with still.portal.database.begin() as db:
        db.execute(update(PermitInquiry).values(at=now - timedelta(hours=2)))
    return still


def _page(client: httpx.Client, path: str) -> tuple[int, list[tuple[str, str]], str]:
    answer = client.get(path)
    own = {"date", "x-request-id", "content-length"}
    headers = sorted((n, v) for n, v in answer.headers.items() if n not in own)
    return answer.status_code, headers, answer.text.replace("?_=1", "")


@pytest.mark.parametrize("status", Status)
def test_a_page_with_blanks_filled_in_is_the_page_rendered_as_a_whole(
    portal: LocalPortal, status: Status
) -> None:
    dice = random.Random(status)
    texts = set()
    for n in range(12):
        path = _put(portal, dice, 100 * list(Status).index(status) + n, status)
        language = ("", "/en")[n % 2]
        with httpx.Client(base_url=portal.url, trust_env=False) as client:
            filled = _page(client, f"{language}{path}")
            # an address that says more is rendered anew
            whole = _page(client, f"{language}{path}?_=1")
            assert filled[2].splitlines() == whole[2].splitlines()
            assert filled[:2] == whole[:2]
        assert filled[0] == 200
        texts.add(filled[2])
    assert len(texts) == 12


def test_what_is_not_there_and_what_is_not_told_are_filled_in_as_well(portal: LocalPortal) -> None:
    hidden = _put(portal, random.Random(1), 5000, Status.MANUAL_UNVERIFIED)
    with httpx.Client(base_url=portal.url, trust_env=False) as client:
        for path in (
            hidden,
            f"/en{hidden}",
            "/permits/KFS-003/1999/77",
            "/en/permits/KFS-004/1999/78-م",
            "/permits/23456789abcdefghjkmn",
            "/permits/<b>&amp;b0n1e",
        ):
            assert _page(client, path) == _page(client, f"{path}?_=1")
            assert "<b>&" not in client.get(path).text


def test_nothing_of_one_permit_stays_in_the_page_of_another(portal: LocalPortal) -> None:
    names = ("شارع الأول", "شارع الثاني")
    pages = []
    for street in names:
        owner = Owner(f"{street.split()[1]} علي")
        columns = {"street": street, "building_no": "12", "floors_above": 5, "plot_area": 17_500}
        path = put(portal, people=People([owner]), columns=columns)[1]
        pages.append((path, raw(portal.citizen(), "GET", path).text))
    for (path, page), (other, its) in (pages, pages[::-1]):
        assert path in page
        assert path not in its
        assert other not in page
    assert [[name in page for name in names] for _, page in pages] == [[True, False], [False, True]]


def test_what_is_told_to_who_has_signed_in_stays_out_of_the_page_of_strangers(
    portal: LocalPortal,
) -> None:
    path = put(portal)[1]
    citizen = portal.someone()
    seen = [citizen.get(path).text, raw(portal.citizen(), "GET", path).text, citizen.get(path).text]
    assert ["كريم عادل" in text for text in seen] == [True, False, True]
