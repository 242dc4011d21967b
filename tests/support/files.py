"""Real files of every kind, good and bad, made when they are needed."""

import io
from functools import cache

from pikepdf import Array, Dictionary, Encryption, Name, Pdf, String
from PIL import Image

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
