"""A few lines over the hours of a day, as SVG, without a library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 860, 250  # of a panel, with its margins
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 28, 44, 26
_HEAD = 34
# told apart without colour, too: by dashes
_PENS = (("#0b5cad", ""), ("#b3261e", "6 3"), ("#1b6e3c", "2 3"))


@dataclass(frozen=True)
class Line:
    """Hours and values."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Lines on one logarithmic scale from ``least`` on; ``mark`` is a level to stay below."""

    title: str
    lines: Sequence[Line]
    least: float
    mark: float = 0


def picture(title: str, panels: Sequence[Panel], shaded: tuple[float, float]) -> str:
    """The panels one below another; ``shaded`` hours have a ground of their own."""
    height = _HEAD + _HEIGHT * len(panels)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
            ' font-family="sans-serif" font-size="12" role="img">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {_HEAD + number * _HEIGHT})">']
        parts += [*_panel(panel, shaded), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _x(hour: float) -> float:
    return _LEFT + hour / 24 * (_WIDTH - _LEFT - _RIGHT)


def _panel(panel: Panel, shaded: tuple[float, float]) -> list[str]:
    most = max((value for line in panel.lines for _, value in line.points), default=1)
    decades = max(math.ceil(math.log10(max(most, panel.mark, 1) / panel.least)), 1)
    floor = _HEIGHT - _BOTTOM

    def y(value: float) -> float:
        share = math.log10(max(value, panel.least) / panel.least) / decades
        return floor - share * (floor - _TOP)

    parts = [
        f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(panel.title)}</text>',
        (
            f'<rect x="{_x(shaded[0]):.0f}" y="{_TOP}" height="{floor - _TOP}" fill="#eef3f8"'
            f' width="{_x(shaded[1]) - _x(shaded[0]):.0f}"/>'
        ),
    ]
    parts += [
        f'<text x="{_x(hour):.0f}" y="{floor + 16}" text-anchor="middle">{hour}:00</text>'
        for hour in range(0, 25, 2)
    ]
    for decade in range(decades + 1):
        value = panel.least * 10**decade
        parts += [
            f'<path d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}" stroke="#ccc"/>',
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>',
        ]
    if panel.mark:
        parts.append(
            f'<path d="M{_LEFT} {y(panel.mark):.1f}H{_WIDTH - _RIGHT}" stroke="#000"'
            ' stroke-width="1.5"/>'
        )
    at = _LEFT
    for line, (colour, dashes) in zip(panel.lines, _PENS, strict=False):
        pen = f'stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dashes}"'
        points = " ".join(f"{_x(hour):.1f},{y(value):.1f}" for hour, value in line.points)
        parts += [
            f'<polyline points="{points}" fill="none" stroke-linejoin="round" {pen}/>',
            f'<path d="M{at} 30h28" {pen}/>',
            f'<text x="{at + 34}" y="34">{escape(line.name)}</text>',
        ]
        at += 60 + 7 * len(line.name)
    return parts
