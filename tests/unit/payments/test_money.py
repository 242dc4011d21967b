"""Money: whole minor units, rounded half up, never mixed."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.money import EXPONENTS, CurrencyMismatch, Money


@pytest.mark.parametrize(
    ("pounds", "piastres"),
    [
        ("0", 0),
        ("1", 100),
        ("1535.5", 153550),
        ("0.005", 1),
        ("0.0049", 0),
        ("0.015", 2),
        ("0.025", 3),
        ("2.675", 268),
        ("1E+3", 100000),
        ("99999999999.99", 9999999999999),
        ("-750", -75000),
    ],
)
def test_pounds_become_piastres_half_up(pounds: str, piastres: int) -> None:
    assert Money.of(Decimal(pounds)) == Money(piastres, "EGP")


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("EGP", "1.5", 150), ("JPY", "150.5", 151), ("KWD", "1.2345", 1235), ("USD", "1.5", 150)],
)
def test_each_currency_has_its_minor_unit(currency: str, amount: str, minor: int) -> None:
    assert Money.of(Decimal(amount), currency).minor == minor


def test_the_minor_units_are_those_of_iso_4217() -> None:
    assert {c: EXPONENTS[c] for c in ("EGP", "USD", "EUR", "KWD", "BHD", "JPY")} == {
        "EGP": 2,
        "USD": 2,
        "EUR": 2,
        "KWD": 3,
        "BHD": 3,
        "JPY": 0,
    }


def test_an_unknown_currency_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Money.of(Decimal(1), "XYZ")


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(EXPONENTS)))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_major_units_lead_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of(money.major, currency) == money


def test_sums_are_added_taken_and_turned() -> None:
    assert Money(150) + Money(50) == Money(200)
    assert Money(150) - Money(200) == Money(-50)
    assert -Money(150) == Money(-150)
    assert Money.total([Money(1), Money(2), Money(3)]) == Money(6)
    assert Money.total([]) == Money(0)
    assert Money.total([], "USD") == Money(0, "USD")


def test_sums_have_an_order() -> None:
    assert Money(1) < Money(2) <= Money(2)
    assert Money(2) > Money(1)
    assert max(Money(3), Money(7)) == Money(7)
    assert min(Money(3), Money(7)) == Money(3)
    assert sorted([Money(3), Money(-1), Money(2)]) == [Money(-1), Money(2), Money(3)]


def test_nothing_is_false_and_a_debt_is_not() -> None:
    assert not Money(0)
    assert Money(1)
    assert Money(-1)


def test_two_currencies_never_meet() -> None:
    pounds, dollars = Money(100), Money(100, "USD")
    assert pounds != dollars
    for operation in (
        lambda: pounds + dollars,
        lambda: pounds - dollars,
        lambda: pounds < dollars,
        lambda: pounds <= dollars,
        lambda: max(pounds, dollars),
        lambda: Money.total([pounds, dollars]),
        lambda: Money.total([dollars]),
    ):
        with pytest.raises(CurrencyMismatch):
            operation()


def test_a_sum_is_fixed() -> None:
    with pytest.raises(AttributeError):
        Money(1).minor = 2  # type: ignore[misc]
    assert len({Money(1), Money(1), Money(2)}) == 2
