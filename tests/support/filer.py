"""Somebody with a draft to attach files to."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.drafting import (
    begin,
    upload,
)
from tests.support.files import File
from tests.support.local import LocalPortal
from tests.support.looking import (
    raw,
    token,
)
from tests.support.people import Citizen

BOUNDARY = "boundary-of-a-phone"


@dataclass(frozen=True)
class Filer:
    """A citizen with a draft to attach to."""

    portal: LocalPortal
    citizen: Citizen
    draft: str

    def send(self, document: str, *sent: File, **more: object) -> httpx.Response:
        return upload(self.citizen, self.draft, document, sent, **more)

    def attached(self, document: str = "") -> list[str]:
        """The addresses of what the page of documents offers to look at."""
        page = self.citizen.get(f"/drafts/{self.draft}/documents")
        section = f"//section[@id='document-{document}']" if document else "//main"
        return [str(h) for h in page.tree.xpath(f"{section}//a/@href") if "/files/" in h]

    def fetch(self, document: str) -> httpx.Response:
        """The only file of a document as the portal gives it back."""
        (address,) = self.attached(document)
        return raw(self.citizen, "GET", address)

    def stored(self) -> list[Path]:
        """Every file on the disk, whoever's."""
        folder = self.portal.portal.settings.files_dir
        return sorted(path for path in folder.rglob("*") if path.is_file())


def filer(portal: LocalPortal) -> Filer:
    citizen = portal.someone()
    return Filer(portal, citizen, begin(citizen))


def multipart(one: Filer, parts: list[tuple[str, str, bytes]]) -> bytes:
    """A form as a browser writes it, with file names as they are."""
    proof = token(one.citizen, "/requests").encode()
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%s\r\n"
        % (BOUNDARY.encode(), field.encode(), name.encode(), content)
        for field, name, content in parts
    )
    head = b'--%s\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n%s\r\n'
    return head % (BOUNDARY.encode(), proof) + body + b"--%s--\r\n" % BOUNDARY.encode()


def send_body(one: Filer, body: bytes, kind: str = "") -> httpx.Response:
    kind = kind or f"multipart/form-data; boundary={BOUNDARY}"
    path = f"/drafts/{one.draft}/documents/papers"
    return raw(one.citizen, "POST", path, content=body, headers={"content-type": kind})
