"""The code on a receipt: an address that anyone can scan, with what the portal signed in it.

What is signed is little, so that the code stays coarse enough for a cheap phone and a bad print:
number, instant, sum and service. No name, no request. See ``docs/receipts.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

import segno
from sqlalchemy import Connection

from portal.catalogue.model import Service
from portal.problems import Missing
from portal.receipts.reading import ReceiptState, StoredReceipt, find
from portal.requests import reading as requests
from portal.signatures import Purpose, Signatures

_ERROR_LEVEL = "m"  # 15 % of the code may be dirty or folded
# Which of the eight masks is best takes ten milliseconds to find out, and a signature is noise that
# any of them suits
_MASK = 4
_QUIET_MODULES = 4  # ISO/IEC 18004 asks for so much white around


@dataclass(frozen=True)
class Verified:
    """A receipt that the portal signed, as anyone may know it."""

    number: str
    amount: int
    issued_at: datetime
    service: Service | None
    state: ReceiptState | None
    """What it is worth today; None when the books do not hold it, or hold another."""


def address(signatures: Signatures, site: str, receipt: StoredReceipt, service: Service) -> str:
    """Where the code leads: in Arabic, from where a link leads to English."""
    claims = {
        "sub": receipt.number,
        "iat": int(receipt.issued_at.timestamp()),
        "amount": receipt.amount,
        "service": service.number,
    }
    return f"{site}/verify/{signatures.sign(Purpose.RECEIPT, claims)}"


def drawn(text: str) -> str:
    """``text`` as a QR code: an SVG without a size of its own."""
    out = BytesIO()
    segno.make(text, error=_ERROR_LEVEL, mask=_MASK, micro=False).save(
        out,
        kind="svg",
        border=_QUIET_MODULES,
        xmldecl=False,
        svgclass="qr",
        lineclass=None,
        omitsize=True,
    )
    return out.getvalue().decode()


def verify(
    db: Connection, services: Mapping[str, Service], claims: Mapping[str, object]
) -> Verified:
    """What the books say today about a receipt whose claims were verified."""
    number, amount = str(claims["sub"]), int(str(claims["amount"]))
    issued_at = datetime.fromtimestamp(int(str(claims["iat"])), UTC)
    service = next((s for s in services.values() if s.number == claims["service"]), None)
    try:
        stored = find(db, number)
        code = requests.by_number(db, stored.request_number).service_code
    except Missing:
        return Verified(number, amount, issued_at, service, None)
    same = (
        stored.amount == amount
        and stored.issued_at.replace(microsecond=0) == issued_at
        and service is not None
        and service.code == code
    )
    return Verified(number, amount, issued_at, service, stored.state if same else None)
