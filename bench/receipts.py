"""A receipt: its PDF, its code, and what it costs to verify one; beside a fixed piece of work.

The baseline is the SHA-256 of a megabyte: what a slower machine does to it, it does to the others.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from portal.catalogue.loader import load_catalogue
from portal.clock import SystemClock
from portal.db import Database
from portal.i18n import Languages
from portal.migrations.running import upgrade
from portal.places.model import load_places
from portal.receipts import codes
from portal.receipts.printing import Printer, Sheet
from portal.receipts.reading import Line, Payment, StoredReceipt, shares_of
from portal.signatures import Purpose, Signatures
from portal.vault import Vault

_AT = datetime(2026, 11, 22, 9, 42, tzinfo=UTC)


@dataclass(frozen=True)
class ReceiptFigure:
    """One row: the median in milliseconds, its ratio to the baseline, and the size of a PDF."""

    name: str
    ms: float
    ratio: float
    kb: float


def figures(rounds: int = 60) -> Iterator[ReceiptFigure]:
    """Warm: the first of each is not counted."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'keys.sqlite3'}", durable=False)
        upgrade(database)
        signatures = Signatures(
            database, Vault(["a key for measuring, and nothing else"]), SystemClock()
        )
        yield from _measured(signatures, rounds)
        database.close()


def _measured(signatures: Signatures, rounds: int) -> Iterator[ReceiptFigure]:
    catalogue = load_catalogue()
    service = catalogue.services["address-numbering-certificate"]
    receipt = _receipt()
    address = codes.address(signatures, "https://portal.example", receipt, service)
    sheet = Sheet(
        receipt=receipt,
        service=service,
        center=load_places().centers["KFS-003"],
        applicant="Mona",
        beneficiaries=catalogue.beneficiaries,
        address=address,
    )
    printer, arabic = Printer(), Languages()["ar"]
    token = address.rsplit("/", 1)[1]
    acts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("receipt as PDF", lambda: printer.pdf(sheet, arabic)),
        ("its code drawn", lambda: codes.drawn(address)),
        ("its code signed", lambda: codes.address(signatures, "", receipt, service)),
        ("its code verified", lambda: signatures.read(Purpose.RECEIPT, token)),
    )
    megabyte = bytes(1_000_000)
    for name, act in acts:
        base = _median(rounds, lambda: sha256(megabyte).digest())
        ms = _median(rounds, act)
        made = act()
        kb = len(made) / 1000 if isinstance(made, bytes) else 0.0
        yield ReceiptFigure(name, ms, ms / base, kb)


def _median(rounds: int, act: Callable[[], object]) -> float:
    act()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _receipt() -> StoredReceipt:
    """Five lines for three beneficiaries, on one card."""
    lines = [
        (body, Line(f"Line {number}", f"Line {number}", 2_500))
        for number, body in enumerate(
            ("local_unit", "treasury", "operator", "local_unit", "treasury")
        )
    ]
    return StoredReceipt(
        number="R-26-0000169",
        issued_at=_AT,
        request_number="26-1503-00002-8",
        amount=12_500,
        given_back=0,
        shares=shares_of(lines),
        payments=(Payment("card", "Visa •••• 4242", "pi_Z6vBcAaCHIXQUoy0SvxPL55o", 12_500, _AT),),
    )
