"""Uploaded files are distrusted: typed by content, bounded, images made anew, PDFs searched.

A file that is taken is either a picture that the portal encoded itself, without the metadata of
the phone, a PDF without scripts, actions, attachments or encryption, or a DWG drawing.
"""

import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from portal.catalogue.model import Document
from portal.problems import N_, Count

if TYPE_CHECKING:
    from pikepdf import Pdf
    from PIL.Image import Image

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "png": "image/png",
    "dwg": "image/vnd.dwg",
}
EXTENSIONS = {media: extension for extension, media in MEDIA_TYPES.items()}
_MOST_PIXELS = 50_000_000
_LONGEST_SIDE = 3000  # px: every letter of an A4 page stays readable
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_JPEG_QUALITY = 82
_HEAD_BYTES = 2048
_MOST_SCANS = 64  # a progressive JPEG has ten or so; each is work over the whole picture
# What a PDF's own tables may unpack to, each: a million objects. Pages are not unpacked at all
_MOST_TABLE_BYTES = 4_000_000


class Unacceptable(Exception):
    """The file cannot be taken; ``msgid`` tells its owner why and what to do."""

    def __init__(self, msgid: str, **params: object) -> None:
        super().__init__(msgid)
        self.msgid = msgid
        self.params = params


@dataclass(frozen=True)
class Inspected:
    """A file that may be stored."""

    content: BinaryIO
    media_type: str
    pages: int


def inspect(path: Path, document: Document) -> Inspected:
    """Check the file at ``path`` for ``document``; raises :class:`Unacceptable`."""
    size = path.stat().st_size
    if size == 0:
        raise Unacceptable(N_("The file is empty; choose it again"))
    if size > document.max_mb * 1_000_000:
        raise Unacceptable(N_("The file is larger than {mb} MB"), mb=document.max_mb)
    kind = _sniff(path)
    if kind not in document.formats:
        raise Unacceptable(
            N_("This document is taken only as: {formats}"),
            formats=" ".join(document.formats).upper(),
        )
    match kind:
        case "pdf":
            return _pdf(path, document)
        case "dwg":
            return Inspected(path.open("rb"), MEDIA_TYPES["dwg"], 1)
        case _:
            return _image(path, kind)


def _sniff(path: Path) -> str:
    """The kind by the first bytes; the name says nothing."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"AC10" and head[4:6].isdigit():
        return "dwg"
    return ""


def _image(path: Path, kind: str) -> Inspected:
    """The picture encoded anew: upright, bounded, without place, time and model of the phone."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - large; most requests need none of it

    if kind == "jpg" and _scans(path.read_bytes()) > _MOST_SCANS:
        raise Unacceptable(N_("The picture cannot be opened; take it again"))
    Image.MAX_IMAGE_PIXELS = None  # counted below, to say so; opening reads only the head
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as picture:
            pixels = picture.width * picture.height
            if pixels <= _MOST_PIXELS:
                picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
                # made small first, and turned in its place: a copy may take 200 MB
                picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
                ImageOps.exif_transpose(picture, in_place=True)
                plain = _opaque(picture)
                plain.info.clear()  # comments and profiles would be written again
    except Exception as error:  # the decoders raise many kinds for a broken file
        raise Unacceptable(N_("The picture cannot be opened; take it again")) from error
    if pixels > _MOST_PIXELS:
        raise Unacceptable(N_("The picture has too many pixels; take it again"))
    target = io.BytesIO()
    if kind == "png":
        plain.save(target, "PNG", optimize=False)
    else:
        plain.save(target, "JPEG", quality=_JPEG_QUALITY)
    target.seek(0)
    return Inspected(target, MEDIA_TYPES[kind], 1)


def _scans(content: bytes) -> int:
    """How many scans a JPEG has; those of a preview inside its metadata are not counted."""
    position, found = 2, 0
    while marker := _MARKER.search(content, position):
        kind, position = marker[0][-1], marker.end()
        if kind == _END_OF_IMAGE:
            break
        found += kind == _START_OF_SCAN
        position += int.from_bytes(content[position : position + 2])
    return found


def _opaque(picture: "Image") -> "Image":
    """As paper shows it: on white where it is transparent, with 8 bits a colour."""
    from PIL import Image as images  # noqa: N813, PLC0415 - as above

    if picture.mode.startswith("I"):  # 16 bits of grey: a conversion alone would cut them off
        picture = picture.convert("I").point(lambda level: level / 257).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    paper = images.new("RGBA", layer.size, "white")
    return images.alpha_composite(paper, layer).convert("RGB")


def _pdf(path: Path, document: Document) -> Inspected:
    from pikepdf import PasswordError, Pdf  # noqa: PLC0415 - as above

    _bound_unpacking()
    try:
        with Pdf.open(path) as pdf:
            locked = pdf.is_encrypted
            pages = len(pdf.pages)
            active = _has_active_content(pdf)
            unread = any(_PACKED.search(warning) for warning in pdf.get_warnings())
    except PasswordError as error:
        raise Unacceptable(N_("The PDF is locked with a password; save it without one")) from error
    except Exception as error:  # many kinds for a broken file, as above
        raise Unacceptable(N_("The PDF cannot be opened; save it again")) from error
    if locked:
        raise Unacceptable(N_("The PDF is locked with a password; save it without one"))
    if active:
        raise Unacceptable(
            N_("The PDF holds scripts or attached files; print it to a new PDF and upload that")
        )
    if unread or not _ends_where_it_says(path):
        raise Unacceptable(N_("The PDF cannot be opened; save it again"))
    if not pages:
        raise Unacceptable(N_("The PDF has no page; save it again"))
    if pages > document.max_pages:
        most = Count(document.max_pages, N_("{n} page"), N_("{n} pages"))
        raise Unacceptable(N_("The PDF has more than {pages}"), pages=most)
    return Inspected(path.open("rb"), MEDIA_TYPES["pdf"], pages)


@cache
def _bound_unpacking() -> None:
    """Once for the process: a PDF of 3 MB can hold a table of 3 GB."""
    from pikepdf.settings import set_qpdf_limits  # noqa: PLC0415 - as above

    most = _MOST_TABLE_BYTES
    set_qpdf_limits(
        flate_max_memory=most,
        run_length_max_memory=most,
        png_max_memory=most,
        tiff_max_memory=most,
        dct_max_memory=most,
        max_stream_filters=4,
    )


# Objects that stayed packed were not searched; another program may unpack them
_PACKED = re.compile("error decoding stream|unfilterable stream")
_ACTIVE_KEYS = frozenset(
    {"/JS", "/JavaScript", "/AA", "/EF", "/EmbeddedFiles", "/EmbeddedFile", "/RichMedia", "/XFA"}
)
_ACTIVE_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/ImportData",
        "/SubmitForm",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/Movie",
        "/Sound",
    }
)
_PADDING = b"\r\n\t \0"


def _has_active_content(pdf: "Pdf") -> bool:
    """Whether any object of the PDF would act by itself."""
    from pikepdf import Array, Dictionary, Stream  # noqa: PLC0415 - as above

    waiting: list[object] = [pdf.trailer, *pdf.objects]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Dictionary | Stream):
            parts = dict(value.items())  # names may be of any encoding: they are not asked for
            if parts.keys() & _ACTIVE_KEYS or str(parts.get("/S", "")) in _ACTIVE_ACTIONS:
                return True
            waiting += [part for part in parts.values() if _is_direct(part)]
        elif isinstance(value, Array):
            waiting += [part for part in value if _is_direct(part)]
    return False


def _is_direct(value: object) -> bool:
    """Indirect objects are in the list of all objects already."""
    return not getattr(value, "is_indirect", False)


def _ends_where_it_says(path: Path) -> bool:
    """Whether nothing hangs behind the PDF: another program might take it for a web page."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD_BYTES))
        tail = file.read()
    return b"%%EOF" in tail and not tail.rpartition(b"%%EOF")[2].strip(_PADDING)
