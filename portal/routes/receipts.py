"""Receipts of a request: as a page, and as a PDF under the same address with ``.pdf``."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from portal.amount_in_words import in_words
from portal.problems import Missing
from portal.receipts import codes, printing
from portal.receipts.printing import Sheet
from portal.receipts.reading import find
from portal.requests import reading
from portal.web.routing import PRINT_THREADS, Access, get_page
from portal.web.visit import Visit

_PDF = ".pdf"


@get_page(
    "/requests/{number:str}/receipts/{receipt_number:str}", Access.CITIZEN, threads=PRINT_THREADS
)
def show_receipt(
    visit: NamedDependency[Visit], number: FromPath[str], receipt_number: FromPath[str]
) -> Response[bytes]:
    sheet = _sheet(visit, number, receipt_number.removesuffix(_PDF))
    if receipt_number.endswith(_PDF):
        return _pdf(visit, sheet)
    return visit.portal.pages.page(
        visit,
        "requests/receipt.html",
        sheet=sheet,
        receipt=sheet.receipt,
        words_of_sum=in_words(sheet.receipt.amount, arabic=visit.speech.arabic),
        states=printing.STATES,
        means_of=printing.means_of,
        qr=Markup(codes.drawn(sheet.address)),  # noqa: S704 - squares, drawn by ourselves
    )


def _sheet(visit: Visit, number: str, receipt_number: str) -> Sheet:
    """The receipt of the visitor's own request; anyone else's is as missing as an unknown one."""
    portal = visit.portal
    with portal.database.read() as db:
        citizen = visit.citizen(db)
        request = reading.own(db, citizen.citizen_id, number)
        receipt = find(db, receipt_number)
        frozen = reading.answers(db, portal.vault, request.id)
    if receipt.request_number != request.number:
        raise Missing("receipt")
    service = portal.catalogue.services[request.service_code]
    return Sheet(
        receipt=receipt,
        service=service,
        center=portal.places.centers[request.center_code],
        applicant=frozen["values"].get("applicant_name", ""),
        beneficiaries=portal.catalogue.beneficiaries,
        address=codes.address(portal.signatures, portal.settings.public_url, receipt, service),
    )


def _pdf(visit: Visit, sheet: Sheet) -> Response[bytes]:
    """The file's name is the receipt's number, and nothing personal."""
    return Response(
        visit.portal.printer.pdf(sheet, visit.speech),
        media_type="application/pdf",
        headers={
            "content-disposition": f'inline; filename="{sheet.receipt.number}{_PDF}"',
            "cache-control": "private, no-store",
            "x-robots-tag": "noindex",
        },
        cookies=visit.new_cookies,
    )


HANDLERS = [show_receipt]
