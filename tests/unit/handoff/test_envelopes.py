"""Envelopes that cross the wall (CloudEvents 1.0): written and read, or refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.handoff import messages
from portal.handoff.messages import BadMessage, Message, read_message

MESSAGE = Message(
    id="0ab",
    type=messages.REQUEST_PAID,
    center="KFS-003",
    subject="26-1503-00042-1",
    source=messages.SOURCE_PORTAL,
    at=datetime(2026, 11, 22, 9, 42, tzinfo=UTC),
    data={"applicant": {"name": "منى السيد شلبي"}, "fees": [{"amount": 5000}]},
)


def envelope(**changes: Any) -> str:
    values = {**json.loads(MESSAGE.to_json()), **changes}
    return json.dumps({key: value for key, value in values.items() if value != "absent"})


def test_an_envelope_is_a_cloud_event() -> None:
    assert json.loads(MESSAGE.to_json()) == {
        "specversion": "1.0",
        "id": "0ab",
        "source": "portal",
        "type": "eg.mahalliyat.request.paid.v1",
        "subject": "26-1503-00042-1",
        "center": "KFS-003",
        "time": "2026-11-22T09:42:00+00:00",
        "datacontenttype": "application/json",
        "data": {"applicant": {"name": "منى السيد شلبي"}, "fees": [{"amount": 5000}]},
    }
    assert "منى" in MESSAGE.to_json()


def test_a_message_is_read_as_it_was_written() -> None:
    assert read_message(MESSAGE.to_json()) == MESSAGE


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    cairo = timezone(timedelta(hours=2))
    at = datetime(2026, 11, 22, 11, 42, tzinfo=cairo)
    assert read_message(envelope(time=at.isoformat())).at == MESSAGE.at


def test_unknown_attributes_are_let_pass() -> None:
    assert read_message(envelope(traceparent="00-1-2-03", dataschema="https://x")) == MESSAGE


_CHANGES: dict[str, dict[str, Any]] = {
    "another version": {"specversion": "0.3"},
    "no version": {"specversion": "absent"},
    "another family of types": {"type": "com.example.request.paid.v1"},
    "a type that is no text": {"type": 7},
    "no type": {"type": "absent"},
    "no id": {"id": "absent"},
    "an empty id": {"id": ""},
    "no subject": {"subject": "absent"},
    "an empty subject": {"subject": ""},
    "no center": {"center": "absent"},
    "an empty center": {"center": ""},
    "no source": {"source": "absent"},
    "no time": {"time": "absent"},
    "a time without a zone": {"time": "2026-11-22T09:42:00"},
    "a time that is none": {"time": "yesterday"},
    "a time that is a number": {"time": 1764000000},
    "no data": {"data": "absent"},
    "data that is a text": {"data": "paid"},
    "data that is a number": {"data": 7},
    "data that is a list": {"data": [1, 2]},
    "data that is nothing": {"data": None},
}


@pytest.mark.parametrize("case", _CHANGES)
def test_an_envelope_with_a_fault_is_refused(case: str) -> None:
    with pytest.raises(BadMessage):
        read_message(envelope(**_CHANGES[case]))


@pytest.mark.parametrize("name", ["id", "subject", "center", "source"])
@pytest.mark.parametrize("value", [None, [], {}, 7, True])
def test_a_name_that_is_no_text_is_refused(name: str, value: Any) -> None:
    with pytest.raises(BadMessage):
        read_message(envelope(**{name: value}))


def test_an_envelope_without_a_bottom_is_refused() -> None:
    with pytest.raises(BadMessage):
        read_message("[" * 100_000)


@pytest.mark.parametrize("text", ["", "null", "[]", "7", '"x"', "{", "{}", "نص", "\0", "<xml/>"])
def test_what_is_no_envelope_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        read_message(text)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(MESSAGE.to_json()))), _JSON))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_whatever_comes_is_a_message_or_a_bad_message(changes: dict[str, Any]) -> None:
    _either(lambda: read_message(envelope(**changes)))


@given(st.text(max_size=40))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_any_text_is_a_message_or_a_bad_message(text: str) -> None:
    _either(lambda: read_message(text))


def _either(read: Callable[[], Message]) -> None:
    try:
        message = read()
    except BadMessage:
        return
    assert message.at.tzinfo is not None
    assert message.id
    assert message.subject


def test_types_are_versioned_and_told_apart() -> None:
    types = [
        value
        for name, value in vars(messages).items()
        if name.isupper() and isinstance(value, str) and name not in {"PREFIX", "SOURCE_PORTAL"}
    ]
    assert len(set(types)) == len(types) >= 10
    assert all(value.endswith(".v1") for value in types)
