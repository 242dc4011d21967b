"""Posted forms, read strictly: bounded, UTF-8, files streamed to disk and never kept in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl

from anyio import fail_after
from anyio.to_thread import run_sync
from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from portal.clock import stopwatch
from portal.problems import N_, BadInput

# The buttons of a group's rows
ADD_ROW, REMOVE_ROW = "_add", "_remove"
MOST_FORM_BYTES = 512 * 1024
MOST_UPLOAD_BYTES = 130 * 1_000_000
_MOST_FIELDS = 4000
_MOST_FILES = 12
_MOST_FIELD_BYTES = 64 * 1024
_DRAIN_BYTES = 64 * 1_000_000
# A body that trickles holds one of the server's connections: beyond the patience it must bring more
PATIENCE_SECONDS = 30.0
_SLOWEST_BYTES_A_SECOND = 2000

TOO_LARGE = N_("What you sent is too large. Send a smaller file, or fewer files at once.")
UNREADABLE = N_("What you sent cannot be read as text. Type it again in this form.")
BROKEN = N_("The upload was cut off on the way. What is saved is not lost; upload the file again.")
WRONG_TYPE = N_("This page takes only its own form. Go back, open the page again, and send it.")


@dataclass
class UploadedFile:
    """A file on disk, under a name of ours; ``file_name`` is only what the sender called it."""

    name: str
    file_name: str
    path: Path
    size: int = 0


@dataclass
class PostedForm:
    """Values by name, in order, and the files."""

    values: dict[str, list[str]] = field(default_factory=dict)
    files: list[UploadedFile] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The first value of ``name``, trimmed; empty when there is none."""
        return (self.values.get(name) or [""])[0].strip()

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def discard_files(self) -> None:
        for file in self.files:
            file.path.unlink(missing_ok=True)


async def read_form(request: Request[Any, Any, Any]) -> PostedForm:
    """The form of a request without files; raises :class:`BadInput`."""
    kind, options = _content_type(request)
    if kind == "multipart/form-data":
        return await read_upload(request, MOST_FORM_BYTES)
    if kind != "application/x-www-form-urlencoded":
        raise BadInput(WRONG_TYPE, 415)
    if options.get("charset", "utf-8").lower() != "utf-8":
        raise BadInput(UNREADABLE)
    body = bytearray()
    async for chunk in _bounded(request, MOST_FORM_BYTES):
        body += chunk
    return PostedForm(urlencoded(bytes(body)))


def read_query(request: Request[Any, Any, Any]) -> PostedForm:
    """The form that an address carries; raises :class:`BadInput`."""
    return PostedForm(urlencoded(request.scope["query_string"]))


def urlencoded(body: bytes) -> dict[str, list[str]]:
    """The values of a form by name; raises :class:`BadInput`."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise BadInput(UNREADABLE) from error
    except ValueError as error:
        raise BadInput(TOO_LARGE, 413) from error
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


async def read_upload(
    request: Request[Any, Any, Any], most_bytes: int = MOST_UPLOAD_BYTES
) -> PostedForm:
    """A multipart form, its files streamed to disk; raises :class:`BadInput`.

    The caller discards the files in the end, whatever happens.
    """
    kind, options = _content_type(request)
    if kind == "application/x-www-form-urlencoded":
        return await read_form(request)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise BadInput(WRONG_TYPE, 415)
    form = PostedForm()
    parts = _Parts(form)
    try:
        with PushMultipartParser(
            boundary, max_segment_count=_MOST_FIELDS, header_charset="utf-8"
        ) as parser:
            async for chunk in _bounded(request, most_bytes):
                await run_sync(parts.feed, parser, chunk)  # it writes to disk
            parts.feed(parser, b"")
    except (MultipartError, UnicodeDecodeError, ValueError) as error:
        parts.abandon()
        raise BadInput(BROKEN) from error
    except BaseException:
        parts.abandon()
        raise
    return form


class _Parts:
    """Collects the events of the parser into a form."""

    def __init__(self, form: PostedForm) -> None:
        self._form = form
        self._segment: MultipartSegment | None = None
        self._text = bytearray()
        self._text_bytes = 0
        self._target: Any = None

    def feed(self, parser: PushMultipartParser, chunk: bytes) -> None:
        for event in parser.parse(chunk):
            match event:
                case MultipartSegment():
                    self._begin(event)
                case None:
                    self._end()
                case _:
                    self._add(bytes(event))

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        if segment.filename is None:
            self._text = bytearray()
            return
        if len(self._form.files) >= _MOST_FILES:
            raise BadInput(TOO_LARGE, 413)
        self._target = NamedTemporaryFile(prefix="upload-", delete=False)  # noqa: SIM115
        self._form.files.append(
            UploadedFile(segment.name, segment.filename, Path(self._target.name))
        )

    def _add(self, data: bytes) -> None:
        if self._target is not None:
            self._target.write(data)
            self._form.files[-1].size += len(data)
            return
        self._text += data
        self._text_bytes += len(data)  # of all fields: they are kept in memory
        if len(self._text) > _MOST_FIELD_BYTES or self._text_bytes > MOST_FORM_BYTES:
            raise BadInput(TOO_LARGE, 413)

    def _end(self) -> None:
        if self._target is not None:
            self._target.close()
            self._target = None
            last = self._form.files[-1]
            if not last.size and not last.file_name:  # a file control that was left empty
                last.path.unlink(missing_ok=True)
                self._form.files.pop()
        elif self._segment is not None:
            text = self._text.decode("utf-8", errors="strict")
            self._form.values.setdefault(self._segment.name, []).append(text)
        self._segment = None

    def abandon(self) -> None:
        if self._target is not None:
            self._target.close()
        self._form.discard_files()


def _content_type(request: Request[Any, Any, Any]) -> tuple[str, dict[str, str]]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    return kind.lower(), options


async def chunks_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The body as it comes; raises :class:`BadInput` when it comes too slowly."""
    began, total, stream = stopwatch(), 0, request.stream()
    while True:
        allowed = PATIENCE_SECONDS + total / _SLOWEST_BYTES_A_SECOND
        try:
            with fail_after(max(0.0, began + allowed - stopwatch())):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise BadInput(BROKEN, 408) from error
        total += len(chunk)
        yield chunk


async def swallow(request: Request[Any, Any, Any]) -> None:
    """Read an upload and keep nothing: a sender who is still sending would not read the answer."""
    async for _ in _bounded(request, MOST_UPLOAD_BYTES):
        pass


async def _bounded(request: Request[Any, Any, Any], most: int) -> AsyncIterator[bytes]:
    """The body, cut off beyond ``most``; a little more is swallowed so that the answer is read."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most + _DRAIN_BYTES:
        raise BadInput(TOO_LARGE, 413)
    total = 0
    async for chunk in chunks_of(request):
        total += len(chunk)
        if total <= most:
            yield chunk
        elif total > most + _DRAIN_BYTES:
            break
    if total > most:
        raise BadInput(TOO_LARGE, 413)
