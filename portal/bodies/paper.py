"""What may still stand on paper alone: of that, the register's silence says nothing."""

from datetime import date

from portal.permits.numbers import PermitNumber


def may_hold(number: PermitNumber, last_day: date | None) -> bool:
    """Whether a permit that the register has not may stand in a book of the center.

    ``last_day`` is the last on which the center could issue one by hand. While no day is known,
    any number may stand in a book; after it, every permit came by the register.
    """
    return last_day is None or number.year <= last_day.year
