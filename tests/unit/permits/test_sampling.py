"""The sample of a lot: the plan of ISO 2859-1, and a draw that anyone can repeat."""

from hashlib import sha256

import pytest

from portal.permits.sampling import draw, plan_of


@pytest.mark.parametrize(
    ("size", "sample", "accept"),
    [
        (2, 2, 0),
        (13, 13, 0),
        (90, 13, 0),
        (150, 13, 0),
        (151, 50, 1),
        (500, 50, 1),
        (1200, 80, 2),
        (3200, 125, 3),
        (10_000, 200, 5),
        (35_000, 315, 7),
        (150_000, 500, 10),
        (500_000, 800, 14),
        (2_000_000, 1250, 21),
    ],
)
def test_the_sample_is_as_large_as_the_standard_says(size: int, sample: int, accept: int) -> None:
    plan = plan_of(size)
    assert (plan.sample, plan.accept, plan.aql) == (sample, accept, "1.0")


def test_no_sample_is_larger_than_its_lot_and_none_bears_only_wrong_entries() -> None:
    for size in (*range(1, 2000), 5000, 10_001, 600_000):
        plan = plan_of(size)
        assert 1 <= plan.sample <= size
        assert plan.accept < plan.sample


def test_the_same_seed_draws_the_same_entries_whatever_the_order() -> None:
    ids = list(range(1, 1001))
    drawn = draw(ids, 80, "seed")
    assert drawn == draw(reversed(ids), 80, "seed")
    assert len(set(drawn)) == 80
    assert drawn != draw(ids, 80, "another")
    by_hand = sorted(ids, key=lambda each: sha256(f"seed:{each}".encode()).hexdigest())
    assert drawn == by_hand[:80], "anyone can draw it again from the seed alone"


def test_every_entry_is_drawn_as_often_as_any_other() -> None:
    counts = dict.fromkeys(range(100), 0)
    for seed in range(2000):
        for each in draw(range(100), 13, str(seed)):
            counts[each] += 1
    # 2000 draws of 13 out of 100: 260 each, with a spread of 15
    assert all(180 < count < 340 for count in counts.values())
