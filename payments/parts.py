"""A sum in whole parts: nothing is lost to rounding, and nothing is made by it."""

from collections.abc import Sequence


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """``amount`` in proportion to ``weights``: whole numbers that sum to it.

    What is left after rounding down goes to the largest remainders, the first of equal ones first.
    """
    total = sum(weights)
    if total <= 0:
        return [amount, *(0 for _ in weights[1:])]
    sign, whole = (-1, -amount) if amount < 0 else (1, amount)
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda index: (-(whole * weights[index] % total), index)
    )
    for index in by_remainder[: whole - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def part_of_lines(lines: Sequence[int], before: int, after: int) -> list[int]:
    """What of each line is paid between ``before`` and ``after`` of their sum.

    Counted so that payments that cover the sum, however cut, cover each line exactly. Lines may be
    negative (discounts).
    """
    total, running, parts = sum(lines), 0, []
    for line in lines:
        begin, running = running, running + line
        parts.append(
            (running * after // total - begin * after // total)
            - (running * before // total - begin * before // total)
        )
    return parts
