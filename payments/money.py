"""Money in integer minor units; the only arithmetic with money that there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

# Digits after the point (ISO 4217). Display libraries say 0 for some of these: they round.
EXPONENTS = {"EGP": 2, "USD": 2, "EUR": 2, "SAR": 2, "AED": 2, "KWD": 3, "BHD": 3, "JPY": 0}
# Those of others that are not 2: money that does not fit may come in any currency
_OTHERS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("IQD", "JOD", "LYD", "OMR", "TND"), 3),
}


def exponent(currency: str) -> int:
    """Digits after the point of any currency."""
    return EXPONENTS.get(currency, _OTHERS.get(currency, 2))


class CurrencyMismatch(ValueError):
    """Two sums of different currencies were added or compared."""


@dataclass(frozen=True, order=False)
class Money:
    """A sum in minor units (piastres for EGP)."""

    minor: int
    currency: str = "EGP"

    @classmethod
    def of(cls, amount: Decimal, currency: str = "EGP") -> "Money":
        """From major units, rounded half up to whole minor units."""
        scaled = amount.scaleb(EXPONENTS[currency])
        return cls(int(scaled.to_integral_value(ROUND_HALF_UP)), currency)

    @classmethod
    def total(cls, sums: Iterable["Money"], currency: str = "EGP") -> "Money":
        result = cls(0, currency)
        for each in sums:
            result += each
        return result

    @property
    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0
