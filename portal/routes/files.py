"""Files as they come in and go out, whatever they belong to."""

from collections.abc import Callable, Iterator
from itertools import chain

from litestar import Response
from litestar.response import Stream
from sqlalchemy import Connection

from portal.catalogue.model import Document
from portal.clock import public_id
from portal.problems import N_, Conflict, Count, Lost, Missing, Problem
from portal.requests import uploads
from portal.requests.inspection import EXTENSIONS, Unacceptable, inspect
from portal.requests.uploads import Attached, NewFile
from portal.vault import SealBroken
from portal.web.http_forms import UploadedFile
from portal.web.pages import redirect
from portal.web.visit import Visit

Attach = Callable[[Connection, NewFile], None]
NO_FILE = N_("Choose a file or take a photo first")
TOO_MANY_FILES = N_("This document takes at most {files}; remove one first")


def by_code(attached: list[Attached]) -> dict[str, list[Attached]]:
    found: dict[str, list[Attached]] = {}
    for file in attached:
        found.setdefault(file.document_code, []).append(file)
    return found


def take_files(
    visit: Visit,
    document: Document,
    files: list[UploadedFile],
    attach: Attach,
    have: int,
) -> list[Problem]:
    """Inspect, store and attach each file; the problems of those that were not taken."""
    anchor = f"document-{document.code}"
    if not files:
        return [Problem(anchor, NO_FILE)]
    problems: list[Problem] = []
    for file in files:
        if have >= document.maximum:
            problems.append(_too_many(document, anchor))
            break
        problem = _take_file(visit, document, file, attach, anchor)
        if problem is None:
            have += 1
        else:
            problems.append(problem)
    return problems


def _too_many(document: Document, anchor: str) -> Problem:
    files = Count(document.maximum, N_("{n} file"), N_("{n} files"))
    return Problem(anchor, TOO_MANY_FILES, {"files": files})


def _take_file(
    visit: Visit, document: Document, file: UploadedFile, attach: Attach, anchor: str
) -> Problem | None:
    portal = visit.portal
    try:
        inspected = inspect(file.path, document)
    except Unacceptable as error:
        return Problem(anchor, error.msgid, error.params)
    with inspected.content:
        stored = portal.files.put(inspected.content)
    new = NewFile(
        public_id(),
        document.code,
        uploads.clean_file_name(file.file_name) or document.code,
        inspected.media_type,
        inspected.pages,
        stored,
    )
    try:
        with portal.database.begin() as db:
            attach(db, new)
    except Conflict:
        portal.files.drop(stored.key)
        return _too_many(document, anchor)
    except BaseException:
        portal.files.drop(stored.key)
        raise
    return None


def send_file(visit: Visit, file: Attached) -> Stream:
    """A stored file: shown by the browser in a box of its own, never run."""
    return stream_file(visit.portal.files.parts(file.storage_key), file.media_type, file.id)


def stream_file(parts: Iterator[bytes], media_type: str, name: str) -> Stream:
    """The parts of a stored file; raises :class:`~portal.problems.Lost`."""
    try:
        first = next(parts)  # before the answer begins: then it can still be an honest page
    except (Missing, SealBroken) as error:
        raise Lost(f"{name}: {type(error).__name__}") from error
    extension = EXTENSIONS.get(media_type, "bin")
    disposition = "inline" if media_type in EXTENSIONS and extension != "dwg" else "attachment"
    return Stream(
        chain([first], parts),
        media_type=media_type,
        headers={
            "content-disposition": f'{disposition}; filename="{name}.{extension}"',
            # no sandbox keyword: Chromium's PDF viewer would not open inside it
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
            "img-src 'self'; object-src 'self'; plugin-types application/pdf; "
            "frame-ancestors 'none'",
        },
    )


def back_to(visit: Visit, path: str, code: str) -> Response[bytes]:
    """The page again, at the document whose files changed."""
    return redirect(visit, f"{path}#document-{code}")
