"""XML as workbooks hold it: by expat, bounded; by one pattern where a program writes plainly.

A sheet is mostly one long run of elements in one form. A :class:`Run` reads those without calling
the parser for each of them; whatever stands between, and whatever is written in any other way, the
parser reads. It is never told of what a run has read: for it a part is only shorter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from portal.sheets.table import NotATable, Why

_MOST_DEPTH = 64
_MOST_NAMES = 1000
_MOST_SILENT = 1 << 21
_MOST_HELD = 1 << 17  # an element of a run that is longer is the parser's

Attributes = dict[str, str]


@dataclass(frozen=True)
class Run:
    """Elements of one name that follow each other."""

    name: str
    take: Callable[[str, int], int]
    """Reads what is plain from a place on; where it stopped. What is not whole it leaves."""


class Parser:
    """Expat without what a table does not need: no document type, hence no entity; no depth.

    ``begins`` and ``ends`` are what to call for elements, by their names without a prefix; others
    are passed over. ``text`` is called with every text.
    """

    def __init__(
        self,
        begins: Mapping[str, Callable[[Attributes], None]],
        ends: Mapping[str, Callable[[], object]],
        text: Callable[[str], None],
        run: Run | None = None,
    ) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        self._parser, self._run = parser, run
        self._fed = self._silent = self._last = 0
        self._ended_at = -1
        self._opened: Callable[[], int] = lambda: count
        depth = count = 0
        known: dict[
            str, tuple[Callable[[Attributes], None] | None, Callable[[], object] | None]
        ] = {}
        if run is not None:
            ends = {**ends, run.name: self._watched(ends.get(run.name))}

        def opened(name: str, attributes: Attributes) -> None:
            nonlocal depth, count
            depth += 1
            count += 1
            found = known.get(name)
            if found is None:
                if len(known) >= _MOST_NAMES:
                    raise NotATable(Why.BROKEN)
                local = name.rpartition(":")[2]
                found = begins.get(local), ends.get(local)
                known[name] = found
            if depth > _MOST_DEPTH:
                raise NotATable(Why.BROKEN)
            if found[0] is not None:
                found[0](attributes)

        def closed(name: str) -> None:
            nonlocal depth
            depth -= 1
            act = known[name][1]
            if act is not None:
                act()

        parser.StartElementHandler = opened
        parser.EndElementHandler = closed
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = _refuse
        parser.XmlDeclHandler = _only_utf8

    def _watched(self, act: Callable[[], object] | None) -> Callable[[], None]:
        def ended() -> None:
            self._ended_at = self._parser.CurrentByteIndex
            if act is not None:
                act()

        return ended

    def read(self, chunks: Iterable[str]) -> Iterator[None]:
        """Read a part to its end, stopping after each chunk; raises :class:`NotATable`."""
        if self._run is None:
            for chunk in chunks:
                self._feed(chunk)
                yield
        else:
            yield from self._read_runs(chunks, self._run)
        self._feed("", last=True)
        yield

    def _read_runs(self, chunks: Iterable[str], run: Run) -> Iterator[None]:
        """A run goes on only right behind the end of such an element that the parser has told of:
        there, and nowhere else, is it sure that no comment and no quotation is open."""
        end = f"</{run.name}>"
        held, within = "", False
        for chunk in chunks:
            held += chunk
            at = 0
            while True:
                if within:
                    at = run.take(held, at)
                found = held.find(end, at)
                if found < 0:
                    break
                self._feed(held[at : found + len(end)])
                at = found + len(end)
                within = self._ended_at == self._fed - len(end)
            held = held[at:]
            if not within or len(held) > _MOST_HELD:
                self._feed(held)
                held, within = "", False
            yield
        self._feed(held)

    def _feed(self, text: str, *, last: bool = False) -> None:
        data = text.encode()
        self._fed += len(data)
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise NotATable(Why.BROKEN) from error
        opened = self._opened()
        self._silent = self._silent + len(data) if opened == self._last else 0
        self._last = opened
        if self._silent > _MOST_SILENT:  # one tag, comment or text of megabytes
            raise NotATable(Why.BROKEN)


def _refuse(*_: object) -> None:
    raise NotATable(Why.BROKEN)


def _only_utf8(_version: str, encoding: str | None, _alone: int) -> None:
    if encoding is not None and encoding.lower() not in {"utf-8", "us-ascii"}:
        raise NotATable(Why.BROKEN)
