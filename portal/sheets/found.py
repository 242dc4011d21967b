"""What was found in a sheet so far, whoever of its two readers found it."""

from portal.sheets.table import NotATable, Row, Why

_LAST_ROW = 1_048_576
_MOST_COMPUTED = 1000
Range = tuple[int, int, int, int]
"""First column and row, last column and row."""


class Found:
    """Rows, and the formulas further up that have results in the row at hand."""

    def __init__(self) -> None:
        self.done: list[Row] = []
        self.hidden = 0
        self.number = 0
        self.computed: list[Range] = []

    def may_begin(self, number: int) -> bool:
        """Rows stand in their order."""
        return self.number < number <= _LAST_ROW

    def begin(self, number: int, *, hidden: bool) -> None:
        """The next row begins; raises :class:`NotATable`."""
        if not self.may_begin(number):
            raise NotATable(Why.BROKEN)
        self.number = number
        self.hidden += hidden
        if self.computed:
            self.computed = [each for each in self.computed if each[3] >= number]

    def add(self, row: list[str]) -> None:
        """The row at hand is whole."""
        if any(row):
            self.done.append((self.number, row))

    def compute(self, results: Range) -> None:
        """A formula has all these results; all but the first of them look like values."""
        if len(self.computed) >= _MOST_COMPUTED:
            raise NotATable(Why.BROKEN)
        self.computed.append(results)

    def is_computed(self, column: int) -> bool:
        return any(first <= column <= last for first, _, last, _ in self.computed)
