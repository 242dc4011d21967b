"""The proof of rebookings sees every booking that is not what two people agreed on."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select, update

from payments import ledger
from payments.crediting import REBOOKED, UNDONE
from payments.ledger import Effect, Line
from payments.model import Entry, EntryLine, Rebooking, RebookingLine, Refund
from payments.rebooking import Choice
from payments.rebooking.proof import wrong_rebookings
from tests.support.desk import AT, DEPOSIT, FEE, HERE, LINES, THERE, Desk, opened, undone

WHOLE = FEE + DEPOSIT


class Made:
    """A desk with one rebooking of each choice."""

    def __init__(self, desk: Desk) -> None:
        self.db = desk.db
        stage = desk.owe(HERE)
        paid, twice, again = (desk.pay(stage, WHOLE) for _ in range(3))
        desk.owe(THERE, LINES[:1])
        desk.told(paid, DEPOSIT, "re_desk")
        lost = desk.lose(paid, FEE)
        surplus = [desk.case("surplus", each.payment or "") for each in (twice, again)]
        self.ids = {
            Choice.REQUEST: desk.book(surplus[0], Choice.REQUEST, THERE),
            Choice.PAID_OUT: desk.book(surplus[1], Choice.PAID_OUT),
            Choice.DEPOSIT: desk.book(desk.case("external_refund", "re_desk"), Choice.DEPOSIT),
            Choice.LOSS: desk.book(desk.case("dispute_lost", lost), Choice.LOSS),
        }
        assert wrong_rebookings(self.db) == []

    def lines(self, choice: Choice) -> list[Line]:
        """What is booked of one."""
        rows = self.db.execute(
            select(EntryLine.__table__)
            .join(Entry, Entry.id == EntryLine.entry_id)
            .where(Entry.object_id == self.ids[choice])
        )
        return [Line(row.account, row.amount, row.entity, row.item) for row in rows]

    def book_anew(self, choice: Choice, lines: list[Line], effect: str = REBOOKED) -> None:
        """In place of its entry another, or none."""
        wanted = (Entry.object_id == self.ids[choice], Entry.effect == effect)
        entries = select(Entry.id).where(*wanted)
        self.db.execute(delete(EntryLine).where(EntryLine.entry_id.in_(entries)))
        self.db.execute(delete(Entry).where(*wanted))
        if lines:
            named = Effect(ledger.PORTAL, self.ids[choice], effect, HERE)
            ledger.book(self.db, named, lines, "EGP", AT)

    def is_seen(self, choice: Choice) -> bool:
        return wrong_rebookings(self.db) == [f"rebooking {self.ids[choice]}"]


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with opened(tmp_path_factory.mktemp("desk")) as db:
        yield Made(Desk(db))


@pytest.fixture
def made(_made: Made) -> Iterator[Made]:
    with undone(_made.db):
        yield _made


@pytest.mark.parametrize("times", [0, 2])
@pytest.mark.parametrize("choice", Choice)
def test_one_that_is_booked_twice_or_not_at_all_is_seen(
    made: Made, choice: Choice, times: int
) -> None:
    lines = [
        Line(each.account, times * each.amount, each.entity, each.item)
        for each in made.lines(choice)
    ]
    made.book_anew(choice, lines if times else [])
    assert made.is_seen(choice)


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize("side", [1, -1])
def test_one_that_is_booked_elsewhere_is_seen(made: Made, choice: Choice, side: int) -> None:
    lines = [
        Line("clearing", each.amount) if each.amount * side > 0 else each
        for each in made.lines(choice)
    ]
    made.book_anew(choice, lines)
    assert made.is_seen(choice)


def test_a_loss_that_another_bears_is_seen(made: Made) -> None:
    lines = [
        Line(each.account, each.amount, each.entity, "stamp" if each.item else "")
        for each in made.lines(Choice.LOSS)
    ]
    made.book_anew(Choice.LOSS, lines)
    assert made.is_seen(Choice.LOSS)


def test_one_that_nobody_approved_is_seen(made: Made) -> None:
    for choice, identity in made.ids.items():
        one = update(Rebooking).where(Rebooking.id == identity)
        made.db.execute(one.values(state="rejected"))
        assert made.is_seen(choice)
        made.db.execute(one.values(state="approved"))


def test_another_sum_than_was_agreed_is_seen(made: Made) -> None:
    of_it = Rebooking.id == made.ids[Choice.REQUEST]
    made.db.execute(update(Rebooking).where(of_it).values(pays=Rebooking.pays - 1))
    assert made.is_seen(Choice.REQUEST)
    made.db.execute(update(Rebooking).where(of_it).values(pays=Rebooking.pays + 1))
    part = RebookingLine.rebooking_id == made.ids[Choice.PAID_OUT]
    made.db.execute(update(RebookingLine).where(part).values(amount=RebookingLine.amount - 1))
    assert made.is_seen(Choice.PAID_OUT)


def test_an_explanation_that_is_undone_without_reason_or_not_undone_is_seen(made: Made) -> None:
    lines = made.lines(Choice.DEPOSIT)
    back = [Line(each.account, -each.amount, each.entity, each.item) for each in lines]
    made.book_anew(Choice.DEPOSIT, back, UNDONE)
    assert made.is_seen(Choice.DEPOSIT)
    made.db.execute(update(Refund).values(state="failed"))
    assert wrong_rebookings(made.db) == []
    made.book_anew(Choice.DEPOSIT, [], UNDONE)
    assert made.is_seen(Choice.DEPOSIT)


def test_one_that_nobody_proposed_is_seen(made: Made) -> None:
    lines = [Line(ledger.SURPLUS, 500), Line(ledger.TREASURY_SETTLED, -500)]
    ledger.book(made.db, Effect(ledger.PORTAL, "nobody", REBOOKED, HERE), lines, "EGP", AT)
    assert wrong_rebookings(made.db) == ["rebooking nobody"]
    assert made.db.scalar(select(func.count(Rebooking.id))) == len(made.ids)
