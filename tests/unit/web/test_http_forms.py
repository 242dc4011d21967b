"""Posted forms: read strictly, bounded, files on disk under names of ours."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Request

from portal.problems import BadInput
from portal.web.http_forms import (
    BROKEN,
    MOST_FORM_BYTES,
    TOO_LARGE,
    UNREADABLE,
    WRONG_TYPE,
    PostedForm,
    read_form,
    read_upload,
)

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def request_of(
    body: bytes, content_type: str, *, chunk: int = 7000, length: str | None = None
) -> Request[Any, Any, Any]:
    headers = [(b"content-type", content_type.encode("latin-1"))]
    if length is not None:
        headers.append((b"content-length", length.encode("latin-1")))
    parts: Iterator[bytes] = iter([body[i : i + chunk] for i in range(0, len(body), chunk)])

    async def receive() -> Any:
        part = next(parts, None)
        if part is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": part, "more_body": True}

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": headers,
        "path_params": {},
        "state": {},
        "route_handler": SimpleNamespace(resolve_request_max_body_size=lambda: None),
    }
    return Request(scope, receive=receive)


def read(
    body: bytes, content_type: str = URLENCODED, *, how: Any = read_form, **options: Any
) -> PostedForm:
    form: PostedForm = asyncio.run(how(request_of(body, content_type, **options)))
    return form


def refused(body: bytes, content_type: str = URLENCODED, **options: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read(body, content_type, **options)
    return caught.value


def part(name: str, value: bytes, *, file: str | None = None) -> bytes:
    named = f'; filename="{file}"' if file is not None else ""
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = b"--xyz--\r\n"


def test_values_come_by_name_and_in_order() -> None:
    body = "a=1&b=%D9%85%D9%86%D9%89+%D8%B9%D9%84%D9%8A&a=2&c="
    form = read(body.encode())
    assert form.values == {"a": ["1", "2"], "b": ["منى علي"], "c": [""]}
    assert form.text("b") == "منى علي"
    assert form.text("c") == form.text("missing") == ""
    assert form.all("a") == ["1", "2"]
    assert form.all("missing") == []


def test_a_value_is_trimmed_when_it_is_one() -> None:
    assert read(b"a=+x+").text("a") == "x"


@pytest.mark.parametrize("body", [b"a=%FF", b"%FF=a", b"a=\xff", b"a=%ED%A0%80"])
def test_what_is_not_utf8_is_told_to_be_typed_again(body: bytes) -> None:
    error = refused(body)
    assert (error.reason, error.status) == (UNREADABLE, 400)


def test_another_charset_is_refused() -> None:
    error = refused(b"a=1", f"{URLENCODED}; charset=windows-1256")
    assert error.reason == UNREADABLE
    assert read(b"a=1", f"{URLENCODED}; charset=UTF-8").text("a") == "1"


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "x", "multipart/mixed"])
def test_only_forms_are_taken(kind: str) -> None:
    for how in (read_form, read_upload):
        error = refused(b"{}", kind, how=how)
        assert (error.reason, error.status) == (WRONG_TYPE, 415)


def test_a_form_has_so_many_fields_at_most() -> None:
    assert len(read(b"&".join(b"a=1" for _ in range(4000))).all("a")) == 4000
    error = refused(b"&".join(b"a=1" for _ in range(4001)))
    assert (error.reason, error.status) == (TOO_LARGE, 413)


def test_a_form_has_so_many_bytes_at_most() -> None:
    assert len(read(b"a=" + b"x" * (MOST_FORM_BYTES - 2)).text("a")) == MOST_FORM_BYTES - 2
    error = refused(b"a=" + b"x" * (MOST_FORM_BYTES - 1))
    assert (error.reason, error.status) == (TOO_LARGE, 413)


def test_a_body_that_is_announced_as_huge_is_not_even_read() -> None:
    error = refused(b"a=1", length=str(10**12))
    assert (error.reason, error.status) == (TOO_LARGE, 413)
    assert read(b"a=1", length="3").text("a") == "1"


def test_an_upload_holds_fields_and_files(tmp_path: Path) -> None:
    content = bytes(range(256)) * 100
    body = (
        part("label", "صورة".encode())
        + part("file", content, file="../../سر.jpg")
        + part("label", b"2")
        + END
    )
    form = read(body, MULTIPART, how=read_upload, chunk=13)
    assert form.values == {"label": ["صورة", "2"]}
    [file] = form.files
    assert (file.name, file.file_name, file.size) == ("file", "../../سر.jpg", len(content))
    assert file.path.parent == tmp_path
    assert file.path.read_bytes() == content
    form.discard_files()
    form.discard_files()
    assert list(tmp_path.iterdir()) == []


def test_a_file_control_that_was_left_empty_is_no_file(tmp_path: Path) -> None:
    form = read(part("file", b"", file="") + part("a", b"1") + END, MULTIPART, how=read_upload)
    assert form.files == []
    assert form.text("a") == "1"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_with_a_name_is_a_file(tmp_path: Path) -> None:
    form = read(part("file", b"", file="empty.pdf") + END, MULTIPART, how=read_upload)
    assert [(f.file_name, f.size) for f in form.files] == [("empty.pdf", 0)]
    form.discard_files()


def test_either_kind_of_form_is_taken_where_the_other_is_expected() -> None:
    assert read(part("a", b"1") + END, MULTIPART).text("a") == "1"
    assert read(b"a=1", how=read_upload).text("a") == "1"


def _broken() -> dict[str, bytes]:
    return {
        "cut inside a file": part("file", b"x" * 5000, file="a.pdf")[:-900],
        "without its end": part("a", b"1"),
        "without parts": b"hello",
        "a field that is not utf-8": part("a", b"\xff\xfe") + END,
        "a name that is not utf-8": part("a", b"1").replace(b'"a"', b'"\xff"') + END,
    }


@pytest.mark.parametrize("case", _broken())
def test_an_upload_that_was_cut_off_leaves_nothing_behind(case: str, tmp_path: Path) -> None:
    error = refused(_broken()[case], MULTIPART, how=read_upload)
    assert (error.reason, error.status) == (BROKEN, 400)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_without_a_boundary_is_no_form() -> None:
    assert refused(b"", "multipart/form-data", how=read_upload).reason == WRONG_TYPE


def test_an_upload_has_so_many_files_at_most(tmp_path: Path) -> None:
    files = b"".join(part("file", b"x", file=f"{n}.pdf") for n in range(13))
    error = refused(files + END, MULTIPART, how=read_upload)
    assert (error.reason, error.status) == (TOO_LARGE, 413)
    assert list(tmp_path.iterdir()) == []


def test_a_field_of_an_upload_is_no_place_for_a_file(tmp_path: Path) -> None:
    body = part("file", b"x", file="a.pdf") + part("a", b"x" * (64 * 1024 + 1)) + END
    error = refused(body, MULTIPART, how=read_upload)
    assert (error.reason, error.status) == (TOO_LARGE, 413)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_has_so_many_bytes_at_most(tmp_path: Path) -> None:
    async def small(request: Request[Any, Any, Any]) -> PostedForm:
        return await read_upload(request, 1000)

    body = part("file", b"x" * 2000, file="a.pdf") + END
    error = refused(body, MULTIPART, how=small)
    assert (error.reason, error.status) == (TOO_LARGE, 413)
    assert list(tmp_path.iterdir()) == []
