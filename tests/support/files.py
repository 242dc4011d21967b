"""Real files of every kind, good and bad, made when they are needed."""

import io
import struct
import zlib
from functools import cache

from pikepdf import Array, Dictionary, Encryption, Name, ObjectStreamMode, Pdf, String
from PIL import Image
from PIL.PngImagePlugin import PngInfo

File = tuple[str, bytes, str]


@cache
def photo(width: int = 640, height: int = 480) -> File:
    """A photograph as a phone makes it: JPEG with a place in its metadata."""
    picture = Image.new("RGB", (width, height), (120, 90, 60))
    exif = picture.getexif()
    exif[0x010F] = "Phone maker"
    exif.get_ifd(0x8825)[2] = (31.0, 7.0, 57.0)
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif)
    return "photo.jpg", target.getvalue(), "image/jpeg"


@cache
def png() -> File:
    target = io.BytesIO()
    Image.new("RGBA", (80, 60), (10, 200, 30, 120)).save(target, "PNG")
    return "scan.png", target.getvalue(), "image/png"


@cache
def pdf(pages: int = 1) -> File:
    return "paper.pdf", _pdf(pages), "application/pdf"


def _pdf(pages: int = 1, encryption: Encryption | None = None, **root: object) -> bytes:
    made = Pdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(300, 400))
    for name, value in root.items():
        made.Root[f"/{name}"] = value
    target = io.BytesIO()
    made.save(target, encryption=encryption) if encryption else made.save(target)
    return target.getvalue()


@cache
def scripted_pdf() -> File:
    """A PDF that runs a script when it is opened."""
    action = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    return "script.pdf", _pdf(OpenAction=action), "application/pdf"


@cache
def launching_pdf() -> File:
    """A PDF that starts a program."""
    action = Dictionary(S=Name.Launch, F=String("calc.exe"))
    return "launch.pdf", _pdf(OpenAction=action), "application/pdf"


@cache
def carrying_pdf() -> File:
    """A PDF with a file inside."""
    names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([])))
    return "inside.pdf", _pdf(Names=names), "application/pdf"


@cache
def locked_pdf() -> File:
    return "locked.pdf", _pdf(encryption=Encryption(owner="o", user="u")), "application/pdf"


@cache
def web_page() -> File:
    """A page that calls itself a photo."""
    return "photo.jpg", b"<html><script>alert(1)</script></html>", "image/jpeg"


@cache
def cut_photo() -> File:
    return "cut.jpg", photo()[1][:2000], "image/jpeg"


def dwg() -> File:
    return "plan.dwg", b"AC1032" + b"\x00" * 500, "image/vnd.dwg"


@cache
def attached_pdf() -> File:
    """A PDF that carries a program in a note on its page, not in the list of attachments."""
    made = Pdf.new()
    page = made.add_blank_page(page_size=(300, 400))
    program = made.make_stream(b"MZ a program")
    program["/Type"] = Name.EmbeddedFile
    described = Dictionary(Type=Name.Filespec, F=String("program.exe"), EF=Dictionary(F=program))
    note = Dictionary(
        Type=Name.Annot,
        Subtype=Name.FileAttachment,
        Rect=Array([0, 0, 10, 10]),
        FS=made.make_indirect(described),
    )
    page.obj["/Annots"] = Array([made.make_indirect(note)])
    return "note.pdf", _saved(made), "application/pdf"


@cache
def form_pdf() -> File:
    """A PDF whose XFA form holds a script."""
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    script = b'<xdp><script contentType="application/x-javascript">app.alert(1)</script></xdp>'
    made.Root["/AcroForm"] = Dictionary(Fields=Array([]), XFA=made.make_stream(script))
    return "form.pdf", _saved(made), "application/pdf"


@cache
def buried_pdf() -> File:
    """A PDF whose script comes at the end of a chain of harmless actions."""
    action = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    for _ in range(12):
        action = Dictionary(S=Name.URI, URI=String("https://example.com"), Next=action)
    return "buried.pdf", _pdf(OpenAction=action), "application/pdf"


@cache
def packed_pdf() -> File:
    """A PDF whose action stands in a compressed object stream."""
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    action = Dictionary(S=Name.Launch, F=String("calc.exe"))
    made.Root["/OpenAction"] = made.make_indirect(action)
    target = io.BytesIO()
    made.save(target, object_stream_mode=ObjectStreamMode.generate)
    return "packed.pdf", target.getvalue(), "application/pdf"


@cache
def pdf_with_old_names() -> File:
    """A sound PDF with a font named in Latin-1, as programs before Unicode write them."""
    made = Pdf.new()
    page = made.add_blank_page(page_size=(300, 400))
    page.obj["/Resources"] = Dictionary(Font=Dictionary(Xxxxx=Dictionary(Type=Name.Font)))
    content = _saved(made)
    assert b"/Xxxxx" in content
    # both are as long as the name they replace: the places of the objects stay right
    return "old.pdf", content.replace(b"/Xxxxx", b"/Br\xe8fs"), "application/pdf"


@cache
def pdf_with_a_wrong_tree() -> File:
    """A PDF whose list of pages contradicts itself."""
    name, content, kind = pdf(3)
    content = content.replace(b"/Kids [ 3 0 R", b"/Kids [ 0 0 R").replace(
        b"/Count 3", b"/Count (x)"
    )
    return name, content, kind


@cache
def cut_pdf() -> File:
    """The first half of a PDF: an upload that was interrupted between two programs."""
    name, content, kind = pdf(3)
    return name, content[: len(content) // 2], kind


@cache
def marked_pdf(mark: bytes) -> File:
    """A sound PDF in which ``mark`` can be read by anyone."""
    made = Pdf.new()
    made.add_blank_page(page_size=(300, 400))
    made.docinfo["/Subject"] = String(mark.decode())
    content = _saved(made)
    assert mark in content
    return "marked.pdf", content, "application/pdf"


@cache
def heavy_pdf(megabytes: int) -> File:
    """A PDF a little larger than so many megabytes."""
    return "heavy.pdf", b"%PDF-1.7\n" + bytes(megabytes * 1_000_000), "application/pdf"


@cache
def wide_png(width: int, height: int) -> File:
    """A small file that becomes a huge picture when it is opened."""
    row = b"\0" * (1 + (width + 7) // 8)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(row * height, 9)), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)
    return "wide.png", content, "image/png"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def ink_on_nothing() -> File:
    """A scan of a signature: black ink on a transparent ground that is black underneath."""
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (40, 40, 60, 60))
    return "signature.png", _picture(picture, "PNG"), "image/png"


@cache
def deep_grey() -> File:
    """A scan with 16 bits of grey: dark letters on a light ground."""
    rows = range(100)
    ink = [5000 if 40 <= x < 60 and 40 <= y < 60 else 60000 for y in rows for x in rows]
    picture = Image.frombytes("I;16", (100, 100), struct.pack("<10000H", *ink))
    return "grey.png", _picture(picture, "PNG"), "image/png"


@cache
def talking_photo(secret: bytes) -> File:
    """A photo that says ``secret`` in every place where metadata may stand."""
    exif = Image.Exif()
    exif[0x010F] = secret.decode()
    picture = Image.new("RGB", (64, 48), (120, 90, 60))
    content = _picture(
        picture, "JPEG", exif=exif, comment=secret, xmp=secret, icc_profile=secret * 20
    )
    return "photo.jpg", content + b"<html>" + secret, "image/jpeg"


@cache
def talking_png(secret: bytes) -> File:
    """The same for a PNG."""
    notes = PngInfo()
    notes.add_text("Comment", secret.decode())
    notes.add_itxt("XML:com.adobe.xmp", secret.decode())
    picture = Image.new("RGB", (64, 48), (120, 90, 60))
    content = _picture(picture, "PNG", pnginfo=notes, icc_profile=secret * 20)
    return "scan.png", content + secret, "image/png"


def _picture(picture: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def _saved(made: Pdf) -> bytes:
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()
