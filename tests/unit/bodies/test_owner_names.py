"""A name that is sent is compared with the owners' as hands write names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.bodies.owner_names import matches

OWNER = "أحمد عبد الرحمن محمد السيد"


@pytest.mark.parametrize(
    "sent",
    [
        "أحمد عبد الرحمن محمد السيد",
        "احمد عبدالرحمن محمد السيد",
        "أَحْمَد عبـــد الرحمن محمّد السيد",
        "أحمد عبد الرحمن السيد",
        "السيد/ أحمد عبد الرحمن محمد السيد",
        "د. أحمد عبد الرحمن محمد السيد",
        "المهندس أحمد عبد الرحمن محمد",
        "محمد السيد، أحمد عبد الرحمن",
        "أحمد عبد الرحمن محمد السيد علي حسن",
        "  أحمد  عبد الرحمن\tمحمد ",
    ],
)
def test_the_same_person_in_another_hand_matches(sent: str) -> None:
    assert matches(sent, [OWNER])


@pytest.mark.parametrize(
    "sent",
    [
        "عبد الرحمن محمد السيد",  # the father
        "حسن عبد الرحمن محمد السيد",  # a brother
        "محمد أحمد عبد الرحمن محمد السيد",  # a son
        "أحمد محمد السيد",  # a cousin
        "عبد الرحمن أحمد محمد السيد",  # another order is another person
        "أحمد السيد",  # too little to tell one from another
        "أحمد محمود علي السيد",
        "أحمد أحمد أحمد",
        "أحمد",
        "",
        "/ . -",
    ],
)
def test_another_person_and_too_little_of_a_name_do_not(sent: str) -> None:
    assert not matches(sent, [OWNER])


def test_one_of_several_owners_is_enough_and_of_none_nobody() -> None:
    assert matches("منى علي حسن", [OWNER, "منى علي حسن إبراهيم"])
    assert not matches(OWNER, [])
    assert not matches(OWNER, ["", "—"])


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_comparison(sent: str, owner: str) -> None:
    assert matches(sent, [owner]) == matches(owner, [sent])
