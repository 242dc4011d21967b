"""Logs: references only, never a person; an exception without what was typed."""

import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest
import structlog

from portal.observability import ALLOWED, configure_logs, keep_allowed

NATIONAL_ID, MOBILE, NAME = "29001018800018", "+201012345678", "منى السيد شلبي"


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What logs write in operation; afterwards they are as before."""
    before = structlog.get_config()
    output = StringIO()
    with redirect_stdout(output):
        configure_logs()
    structlog.configure(cache_logger_on_first_use=False)
    yield output
    structlog.configure(**before)


def lines(output: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("national_id", NATIONAL_ID),
        ("applicant_national_id", NATIONAL_ID),
        ("mobile", MOBILE),
        ("phone", MOBILE),
        ("name", NAME),
        ("applicant_name", NAME),
        ("email", "mona@example.com"),
        ("answers", {"national_id": NATIONAL_ID}),
        ("token", "secret"),
        ("code", "012345"),
        ("body", NAME),
        ("path", "/requests/26-1315-00042-7"),
        ("cookie", "sid=1"),
    ],
)
def test_a_field_about_a_person_is_dropped(field: str, value: object) -> None:
    kept = keep_allowed(None, "info", {"event": "x", "request": "26-1315-00042-7", field: value})
    assert kept == {"event": "x", "request": "26-1315-00042-7"}


def test_the_list_of_allowed_fields_names_no_person() -> None:
    personal = {"name", "mobile", "phone", "national_id", "email", "address", "applicant", "user"}
    assert not personal & ALLOWED
    assert not any("name" in field or "mobile" in field for field in ALLOWED)


def test_a_line_is_json_with_references_only(written: StringIO) -> None:
    log = structlog.get_logger("portal")
    log.info("request_registered", request="26-1315-00042-7", center="KFS-003", mobile=MOBILE)
    [line] = lines(written)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request_registered",
        "level": "info",
        "request": "26-1315-00042-7",
        "center": "KFS-003",
    }


def test_an_exception_is_logged_without_its_message(written: StringIO) -> None:
    def parse_answers() -> None:
        raise ValueError(f"bad value {NATIONAL_ID} of {NAME}")

    log = structlog.get_logger("portal")
    try:
        parse_answers()
    except ValueError:
        log.exception("failed", request="26-1315-00042-7")
    output = written.getvalue()
    [line] = [json.loads(each) for each in output.splitlines()]
    assert NATIONAL_ID not in output
    assert NAME not in output
    assert line["exception"].startswith("ValueError at ")
    assert "parse_answers" in line["exception"]
    assert line["request"] == "26-1315-00042-7"
    assert line["level"] == "error"


@pytest.mark.parametrize("form", ["value", "tuple"])
def test_an_exception_that_is_handed_over_loses_its_message_as_well(
    written: StringIO, form: str
) -> None:
    error = KeyError(NATIONAL_ID)
    given = error if form == "value" else (type(error), error, None)
    structlog.get_logger("portal").error("failed", exc_info=given)
    output = written.getvalue()
    assert NATIONAL_ID not in output
    assert '"exception": "KeyError at ' in output


def test_an_exception_raised_from_another_hides_both(written: StringIO) -> None:
    def inner() -> None:
        raise KeyError(NATIONAL_ID)

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise RuntimeError(NAME) from error

    try:
        outer()
    except RuntimeError:
        structlog.get_logger("portal").exception("failed")
    output = written.getvalue()
    assert NATIONAL_ID not in output
    assert NAME not in output
    assert "RuntimeError" in output


def test_what_is_bound_to_a_request_stands_in_its_lines(written: StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", mobile=MOBILE):
        structlog.get_logger("portal").info("http", status=200)
    [line] = lines(written)
    assert line["request_id"] == "r1"
    assert "mobile" not in line


def test_quieter_levels_are_not_written(written: StringIO) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    structlog.get_logger("portal").info("http")
    assert lines(written) == []
