"""The receipt as a PDF: set by typst from ``receipt.typ``, for paper and for archives.

Written as PDF/A-2a (fonts and text within) and PDF/UA-1 (tagged), with its text in an order that
can be read and copied. The same receipt gives the same bytes: its date is the receipt's own. Words
are finished here; the template sets.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from portal.amount_in_words import in_words
from portal.catalogue.model import Service, Text
from portal.clock import cairo_time
from portal.i18n import Speech
from portal.places.model import Center
from portal.problems import N_
from portal.receipts.codes import drawn
from portal.receipts.reading import Payment, ReceiptState, Share, StoredReceipt

if TYPE_CHECKING:
    from typst import Compiler

_HERE = Path(__file__).resolve().parent
# What the fonts beside this file draw. PDF/A refuses a page with a letter that no font has
_UNDRAWN = re.compile(
    "[^ -~\u00a0\u00a9\u00ab\u00b7\u00bb\u00c0-\u00ff\u2013\u2014\u2018\u2019\u201c\u201d\u2022"
    "\u2026\u060c\u061b\u061f\u0621-\u063a\u0640-\u064b\u0660-\u066c\u0671\u067e\u0686\u06a4\u06a9\u06af"
    "\u06cc\u06f0-\u06f9]"
)
# What is written above and below letters. A reader gets a letter with a mark twice, but for the
# tanween on an alef, which the font draws as one with it
_MARKS = re.compile("(?<!\u0627)\u064b|[\u064c-\u0652\u0670]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

MEANS = {
    "card": N_("Bank card"),
    "wallet": N_("Mobile wallet"),
    "kiosk": N_("Cash at a payment outlet"),
    "": N_("Electronic payment"),
}
"""The ways to pay, by the kind that the provider tells."""

STATES = {
    ReceiptState.VALID: N_("Valid"),
    ReceiptState.PARTLY_REFUNDED: N_("Partly refunded"),
    ReceiptState.REFUNDED: N_("Refunded in full"),
}


@dataclass(frozen=True)
class Sheet:
    """A receipt with everything around it that its page and its PDF show."""

    receipt: StoredReceipt
    service: Service
    center: Center
    applicant: str
    beneficiaries: Mapping[str, Text]
    address: str
    """Where its code leads."""

    @property
    def kept(self) -> int:
        """Piastres that were not given back."""
        return max(0, self.receipt.amount - self.receipt.given_back)


def means_of(payment: Payment) -> str:
    """The msgid of the way that was paid; a kind that is new is an electronic one."""
    return MEANS.get(payment.kind, MEANS[""])


class Printer:
    """Sets receipts. One at a time: the compiler keeps fonts and template, and takes 25 ms."""

    def __init__(self) -> None:
        self._lock = Lock()

    def pdf(self, sheet: Sheet, speech: Speech) -> bytes:
        """The receipt in the reader's language."""
        data = json.dumps(_data(sheet, speech), ensure_ascii=False)
        with self._lock:
            pdf = self._compiler.compile(
                format="pdf", sys_inputs={"data": data}, pdf_standards=["ua-1", "a-2a"]
            )
        if not isinstance(pdf, bytes):
            raise TypeError("typst made no PDF")
        # most processes print nothing, and what reads a PDF takes some megabytes
        from portal.receipts.text_layer import legible  # noqa: PLC0415

        return legible(pdf)

    @cached_property
    def _compiler(self) -> "Compiler":
        from typst import Compiler  # noqa: PLC0415 - 35 MB that only who prints needs

        return Compiler(
            str(_HERE / "receipt.typ"),
            root=str(_HERE),
            font_paths=[str(_HERE / "fonts")],
            ignore_system_fonts=True,
        )


def drawable(text: str) -> str:
    """``text`` without marks, and with a middle dot for every letter that the fonts cannot draw."""
    plain = _INVISIBLE.sub("", text).replace("\u064b\u0627", "\u0627\u064b")
    return _UNDRAWN.sub("\u00b7", _MARKS.sub("", plain))


def _moment(at: datetime, speech: Speech) -> str:
    """Day and hour with a word between: Chrome swaps figures that a comma joins."""
    day = speech.long_date(cairo_time(at).date())
    return speech.gettext("{day} at {time}", day=day, time=speech.time(at))


def _data(sheet: Sheet, speech: Speech) -> dict[str, Any]:
    """What ``receipt.typ`` sets: every text is final, a code is Latin and isolated there."""
    _, receipt = speech.gettext, sheet.receipt
    day = cairo_time(receipt.issued_at)
    texts = {
        "lang": speech.locale,
        "direction": speech.direction,
        "title": f"{_('Receipt of payment')} {receipt.number}",
        "issuer": _("Local services portal"),
        "heading": _("Receipt of payment"),
        "date": [day.year, day.month, day.day],
        "number": receipt.number,
        "state": "" if receipt.state is ReceiptState.VALID else _(STATES[receipt.state]),
        "facts": _facts(sheet, speech),
        "qr_meaning": _("Code to verify receipt {number}", number=receipt.number),
        "details": _("Details of the fees"),
        "item": _("Item"),
        "column": _("Amount in pounds"),
        "shares": [_share(each, sheet, speech) for each in receipt.shares],
        "total_label": _("Total"),
        "total": speech.amount(receipt.amount),
        "words": in_words(receipt.amount, arabic=speech.arabic),
        "paid_with": _("Paid with"),
        "payments": [_payment(each, speech) for each in receipt.payments],
        "given_back": _given_back(sheet, speech),
        "verify": _("Scan the code to see whether the receipt is valid today."),
    }
    return {**_drawable(texts), "qr": drawn(sheet.address)}


def _facts(sheet: Sheet, speech: Speech) -> list[dict[str, Any]]:
    _, receipt = speech.gettext, sheet.receipt
    facts = (
        (_("Receipt number"), receipt.number, True),
        (_("Paid on"), _moment(receipt.issued_at, speech), False),
        (_("Request number"), receipt.request_number, True),
        (_("Service"), speech.show(sheet.service.title), False),
        (_("Applicant"), sheet.applicant, False),
        (_("Center"), speech.show(sheet.center), False),
    )
    return [{"label": label, "text": text, "code": code} for label, text, code in facts if text]


def _share(share: Share, sheet: Sheet, speech: Speech) -> dict[str, Any]:
    beneficiary = speech.show(sheet.beneficiaries[share.beneficiary])
    lines = [
        {
            "label": line.label_ar if speech.arabic else line.label_en,
            "amount": speech.amount(line.amount),
        }
        for line in share.lines
    ]
    return {
        "beneficiary": speech.gettext("For: {body}", body=beneficiary),
        "lines": lines,
        # one line needs no sum
        "total_label": speech.gettext("Subtotal") if len(lines) > 1 else "",
        "total": speech.amount(share.amount),
    }


def _payment(payment: Payment, speech: Speech) -> dict[str, str]:
    return {
        "kind": speech.gettext(means_of(payment)),
        "method": payment.method,
        "reference": payment.reference,
        "paid_at": _moment(payment.paid_at, speech),
        "amount": speech.amount(payment.amount),
    }


def _given_back(sheet: Sheet, speech: Speech) -> list[dict[str, str]]:
    """What was given back, and what is left; nothing while the receipt is whole."""
    if not sheet.receipt.given_back:
        return []
    sums = (
        (speech.gettext("Given back"), sheet.receipt.given_back),
        (speech.gettext("Left"), sheet.kept),
    )
    return [{"label": label, "amount": speech.amount(amount)} for label, amount in sums]


def _drawable(value: Any) -> Any:
    """Every text within, drawable."""
    match value:
        case str():
            return drawable(value)
        case list():
            return [_drawable(each) for each in value]
        case dict():
            return {name: _drawable(each) for name, each in value.items()}
    return value
