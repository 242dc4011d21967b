"""Webhooks of outside bodies that are slow, dead, gone, or not what they seem."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.bodies import notices, posting
from portal.bodies.courier import Courier
from portal.bodies.model import OutsideBody
from portal.permits.registry import PermitAction
from tests.support.asked import CENTER, act
from tests.support.databases import Databases
from tests.support.sandbox import eventually
from tests.support.telling import Office, courier_of, open_office

SUSPEND, RESUME = PermitAction.SUSPEND, PermitAction.RESUME


@pytest.fixture(scope="module")
def office(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    var = tmp_path_factory.mktemp("office")
    with open_office(var, databases.empty(var)) as made:
        yield made


def test_a_slow_body_delays_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 60.0)  # however busy the machine is
    slow, quick = office.webhook(), office.webhook()
    bodies = [office.body(slow.url), office.body(quick.url)]
    permit_id, _ = office.watched(*bodies)
    slow.open.clear()
    act(office.core, permit_id, SUSPEND)
    office.announce()
    office.courier.run_once()
    eventually(lambda: len(quick.taken) == 1, 30)
    permit_id, _ = office.watched(bodies[1])
    act(office.core, permit_id, SUSPEND)
    office.announce()
    eventually(lambda: office.courier.run_once() >= 0 and len(quick.taken) == 2, 30)
    assert not office.courier.rest(0), "the slow one is still at its first"
    slow.open.set()
    assert office.courier.rest(60)
    assert len(slow.taken) == 1


def test_a_dead_receiver_is_asked_later_each_time_and_told_all_in_the_end(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    hook.statuses[:] = [503, 500, 404]
    act(office.core, permit_id, SUSPEND)
    act(office.core, permit_id, RESUME)
    waits = []
    for failures in (1, 2, 3):
        office.deliver()
        standing = office.standing(body)
        assert (standing.waiting, standing.failures) == (2, failures)
        assert standing.next_at is not None
        waits.append(standing.next_at - office.clock.now())
        office.deliver()
        assert len(hook.taken) == failures, "not before its time"
        office.later(seconds=waits[-1].total_seconds() + 1)
    assert waits[0] < waits[1] < waits[2] < timedelta(seconds=21)
    assert office.standing(body).last_error == "status_404"
    office.deliver()
    assert [each["data"]["status"] for each in hook.events[3:]] == [
        "suspended",
        "valid_not_started",
    ]
    after = office.standing(body)
    assert (after.waiting, after.failures, after.last_error) == (0, 0, "")
    assert after.taken_at is not None


def test_who_asks_to_be_left_alone_for_a_while_is(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    hook.statuses[:], hook.headers["Retry-After"] = [429], "1200"
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    office.later(minutes=19)
    office.deliver()
    assert len(hook.taken) == 1
    office.later(minutes=2)
    office.deliver()
    assert len(hook.taken) == 2


def test_a_webhook_that_is_no_more_is_called_that_and_another_address_is_tried_at_once(
    office: Office,
) -> None:
    gone, new = office.webhook(), office.webhook()
    body = office.body(gone.url)
    gone.statuses[:] = [410]
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    assert office.standing(body).gone_at is not None
    with office.core.database.read() as db:
        assert notices.figures(db, office.clock.now()).gone == 1
    office.later(hours=11)
    office.deliver()
    assert len(gone.taken) == 1
    with office.core.database.begin() as db:
        moved = update(OutsideBody).where(OutsideBody.code == body.code)
        db.execute(moved.values(webhook_url=new.url))
    office.deliver()
    assert len(new.taken) == 1
    assert office.standing(body).gone_at is None


def test_a_notice_that_is_refused_holds_back_only_news_of_its_permit(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    (refused, _), (fine, number) = office.watched(body), office.watched(body)
    hook.statuses[:] = [422]
    act(office.core, refused, SUSPEND)
    act(office.core, refused, RESUME)
    act(office.core, fine, SUSPEND)
    office.deliver()
    assert len(hook.taken) == 2
    assert hook.subjects[1] == f"{CENTER}/{number.canonical}"
    assert office.waiting(body) == 2
    office.later(minutes=1)
    office.deliver()
    assert [each["data"]["status"] for each in hook.events[2:]] == [
        "suspended",
        "valid_not_started",
    ]


def test_a_test_notice_goes_out_at_once_though_the_webhook_was_failing(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    hook.statuses[:] = [500]
    for _ in range(2):
        with office.core.database.begin() as db:
            assert notices.ping(db, body.code, office.clock.now())
        office.deliver()
    types = {each["type"] for each in hook.events}
    assert types == {"eg.mahalliyat.ping.v1"}
    assert len(hook.taken) == 3
    assert office.waiting(body) == 0
    with office.core.database.read() as db:
        assert [each.taken for each in notices.newest(db, body.code)] == [True, True]


def test_no_redirect_is_followed_and_no_answer_is_read(office: Office) -> None:
    inside, hook = office.webhook(), office.webhook()
    body = office.body(hook.url)
    hook.statuses[:] = [307]
    hook.headers |= {"Location": inside.url, "Content-Length": "9000000000"}
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.deliver()
    assert office.standing(body).last_error == "status_307"
    assert inside.taken == []
    office.later(minutes=1)
    office.deliver()
    assert office.waiting(body) == 0, "the rest of the answer, which never comes, is not waited for"


def test_who_cannot_show_a_certificate_of_the_name_is_told_nothing(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.announce()
    distrusting = courier_of(office.core)
    distrusting.run_once()
    assert distrusting.rest(60)
    assert hook.taken == []
    assert office.standing(body).last_error == "certificate"
    office.later(minutes=1)
    with office.core.database.begin() as db:
        named = update(OutsideBody).where(OutsideBody.code == body.code)
        db.execute(named.values(webhook_url=hook.url.replace("127.0.0.1", "localhost")))
    office.deliver()
    assert office.standing(body).last_error == "certificate", (
        "it is 127.0.0.1's and no other name's"
    )
    assert hook.taken == []


def test_an_address_inside_the_network_is_never_connected_to(office: Office) -> None:
    hook = office.webhook()
    body = office.body(hook.url)
    permit_id, _ = office.watched(body)
    act(office.core, permit_id, SUSPEND)
    office.announce()
    core = office.core
    in_production = Courier(core.database, core.signatures.sign_bytes, core.clock)
    in_production.run_once()
    assert in_production.rest(60)
    assert hook.taken == []
    assert office.standing(body).last_error == "no_public_name"
