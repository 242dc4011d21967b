"""Files that a citizen adds to a filed request before sending them: a completion's, a grievance's.

Until they are sent they have a purpose of their own, and come and go one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from portal.catalogue.model import Document
from portal.problems import Conflict, Missing, Problem
from portal.requests import completing, reading, uploads
from portal.requests.model import Attachment
from portal.requests.reading import FiledRequest
from portal.requests.uploads import NewFile
from portal.routes.files import take_files
from portal.web.http_forms import PostedForm
from portal.web.visit import Visit


@dataclass(frozen=True)
class Enclosures:
    """``purpose`` of the files, and whether a request takes any (``open``)."""

    purpose: str
    open: Callable[[Visit, FiledRequest], bool]

    def add(
        self,
        visit: Visit,
        number: str,
        form: PostedForm,
        find: Callable[[FiledRequest], Document | None],
    ) -> list[Problem]:
        """Take the files of ``form`` for the document that ``find`` names; what is wrong."""
        portal = visit.portal
        with portal.database.read() as db:
            citizen = visit.citizen(db)
            request = reading.own(db, citizen.citizen_id, number)
            files = uploads.of_request(db, portal.vault, request.id, self.purpose)
        visit.check_form(form)
        document = find(request)
        if document is None or not self.open(visit, request):
            raise Missing("document")
        have = sum(file.document_code == document.code for file in files)

        def attach(db: Connection, file: NewFile) -> None:
            self._attach(visit, db, request, document, file)

        return take_files(visit, document, form.files, attach, have)

    def _attach(
        self, visit: Visit, db: Connection, request: FiledRequest, document: Document, file: NewFile
    ) -> None:
        vault, now = visit.portal.vault, visit.portal.clock.now()
        completing.hold(db, request)
        there = uploads.of_request(db, vault, request.id, self.purpose)
        full = sum(each.document_code == document.code for each in there) >= document.maximum
        if full or not self.open(visit, reading.by_id(db, request.id)):
            raise Conflict("full, or sent already")
        uploads.attach(db, vault, file, now, purpose=self.purpose, request_id=request.id)

    def remove(self, visit: Visit, number: str, code: str, file_id: str, form: PostedForm) -> None:
        """Take a file back; raises :class:`Missing` for one that is sent, or somebody else's."""
        portal = visit.portal
        with portal.database.begin() as db:
            citizen = visit.citizen(db)
            visit.check_form(form)
            request = reading.own(db, citizen.citizen_id, number)
            completing.hold(db, request)
            key = uploads.detach(
                db,
                file_id,
                Attachment.request_id == request.id,
                Attachment.purpose == self.purpose,
                Attachment.document_code == code,
            )
        portal.files.drop(key)
