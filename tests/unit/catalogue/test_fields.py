"""Kinds of questions: what each one takes, refuses, and how it says so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.catalogue.fields import KINDS, Context, Invalid, read_date
from portal.catalogue.loader import shipped_catalogue
from portal.catalogue.model import Choice, Field, Text
from portal.catalogue.patterns import PATTERNS
from portal.i18n import Languages

TODAY = date(2026, 11, 22)
LABEL = Text("بيان", "Thing")
ARABIC, ENGLISH = Languages().pair
CHOICES = tuple(Choice(v, Text(f"اختيار {v}", f"Choice {v}")) for v in ("a", "b", "c", "none"))


def field(kind: str, **attributes: Any) -> Field:
    if kind in {"choice", "multichoice"}:
        attributes.setdefault("choices", CHOICES)
    return Field("thing", kind, LABEL, **attributes)


def parse(kind: str, raw: Any, **attributes: Any) -> Any:
    asked = field(kind, **attributes)
    return KINDS[kind].parse(asked, raw, Context(TODAY, asked.choices))


def refusal(kind: str, raw: Any, **attributes: Any) -> str:
    with pytest.raises(Invalid) as caught:
        parse(kind, raw, **attributes)
    return caught.value.msgid


NUMERIC = ("integer", "decimal", "coordinate", "money", "area_m2")


@pytest.mark.parametrize("kind", NUMERIC)
@pytest.mark.parametrize("typed", ["12500", "١٢٥٠٠", "۱۲۵۰۰", "1٢۵00", " 12 500 ", "\u200f12500"])
def test_every_number_is_read_in_the_three_families_of_digits(kind: str, typed: str) -> None:
    assert parse(kind, typed) == Decimal(12500)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("12,500", "12500"),
        ("١٢٬٥٠٠", "12500"),
        ("١٢،٥٠٠", "12500"),
        ("1,234,567.25", "1234567.25"),
        ("١٬٢٥٠٫٥٠", "1250.5"),
        ("12,5", "12.5"),
        ("١٢،٥", "12.5"),
        ("١٢٫٥", "12.5"),
        ("12.5", "12.5"),
        ("-3", "-3"),
        ("−3", "-3"),
        ("0", "0"),
        ("-0", "0"),
        ("000012", "12"),
    ],
)
def test_arabic_and_latin_separators_are_understood(typed: str, value: str) -> None:
    assert parse("decimal", typed) == Decimal(value)


@pytest.mark.parametrize("kind", NUMERIC)
@pytest.mark.parametrize(
    "typed",
    ["x", "1e5", "12 م", "١٢ متر", "--1", "1.2.3", "٫", ".", "NaN", "Infinity", "0x10", "9" * 19],
)
def test_what_is_no_number_is_refused(kind: str, typed: str) -> None:
    assert refusal(kind, typed) == "Write {label} in figures, such as {example}"


def test_a_whole_number_has_no_fraction() -> None:
    whole = "Write {label} as a whole number, without a fraction"
    assert refusal("integer", "2.5") == whole
    assert refusal("integer", "٢٫٥") == whole
    assert parse("integer", "2.0") == 2


@pytest.mark.parametrize(
    ("kind", "fits", "too_fine"),
    [
        ("money", "10.25", "10.255"),
        ("area_m2", "10.25", "10.255"),
        ("decimal", "10.255", "10.2555"),
        ("coordinate", "31.1325941", "31.13259415"),
    ],
)
def test_each_kind_takes_so_many_digits_after_the_point(
    kind: str, fits: str, too_fine: str
) -> None:
    assert parse(kind, fits) == Decimal(fits)
    assert refusal(kind, too_fine) == "Write {label} with at most {places} digits after the point"


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("31/12/2026", date(2026, 12, 31)),
        ("٣١/١٢/٢٠٢٦", date(2026, 12, 31)),
        ("۳۱-۱۲-۲۰۲۶", date(2026, 12, 31)),
        ("31 12 2026", date(2026, 12, 31)),
        ("31.12.2026", date(2026, 12, 31)),
        ("31122026", date(2026, 12, 31)),
        ("2026-12-31", date(2026, 12, 31)),
        ("1/2/2026", date(2026, 2, 1)),
        ("29/02/2024", date(2024, 2, 29)),
        ("29/02/2000", date(2000, 2, 29)),
        ("01/01/1800", date(1800, 1, 1)),
        ("31/12/2200", date(2200, 12, 31)),
    ],
)
def test_a_day_is_read_as_day_month_year_or_iso(typed: str, day: date) -> None:
    assert parse("date", typed) == day


@pytest.mark.parametrize(
    "typed",
    [
        "29/02/2026",
        "29/02/1900",
        "30/02/2024",
        "31/04/2026",
        "32/01/2026",
        "0/1/2026",
        "1/0/2026",
        "1/13/2026",
        "31/12/1799",
        "01/01/2201",
        "31/12/26",
        "2026",
        "//",
        "1/1/",
        "غدا",
        "9" * 60,
    ],
)
def test_a_day_that_never_was_is_refused(typed: str) -> None:
    assert read_date(typed) is None
    assert refusal("date", typed) == "{label} must be a real date, such as 31 12 2026"


def test_the_three_boxes_of_a_date_become_one_answer() -> None:
    kind = KINDS["date"]
    form = {"thing.day": ["٣١"], "thing.month": [" 12 "], "thing.year": ["2026"]}
    assert kind.read(form, "thing") == "٣١/12/2026"
    assert kind.read({"thing": ["2026-12-31"]}, "thing") == "2026-12-31"
    assert kind.read({"thing.day": [""], "thing.month": [" "]}, "thing") == ""
    assert kind.read({"thing.day": ["5"]}, "thing") == "5//"
    assert kind.empty("")


@pytest.mark.parametrize(
    ("typed", "time"),
    [
        ("18:30", "18:30"),
        ("١٨:٣٠", "18:30"),
        ("18.30", "18:30"),
        ("9:05", "09:05"),
        ("00:00", "00:00"),
        ("23:59", "23:59"),
        ("18 : 30", "18:30"),
    ],
)
def test_an_hour_is_read_by_24(typed: str, time: str) -> None:
    assert parse("time", typed) == time


@pytest.mark.parametrize("typed", ["24:00", "18:60", "18", "6 مساء", "1830", "-1:00", "18:3"])
def test_what_is_no_hour_is_refused(typed: str) -> None:
    assert "18:30" in refusal("time", typed)


def test_a_choice_is_one_of_those_offered() -> None:
    assert parse("choice", "b") == "b"
    assert refusal("choice", "z") == "Choose {label} from the list"
    assert refusal("choice", "A") == "Choose {label} from the list"


def test_several_choices_come_in_the_order_of_the_list_and_once() -> None:
    assert parse("multichoice", ["c", "a", "a"]) == ["a", "c"]
    assert refusal("multichoice", ["a", "z"]) == "Choose {label} from the list"


def test_none_cannot_stand_beside_another_choice() -> None:
    assert parse("multichoice", ["none"]) == ["none"]
    assert "either" in refusal("multichoice", ["a", "none"])


@pytest.mark.parametrize(
    ("raw", "value"), [("yes", True), ("YES", True), ("on", True), ("no", False), ("0", False)]
)
def test_yes_and_no_are_both_answers(raw: str, value: bool) -> None:
    assert parse("boolean", raw) is value


def test_silence_is_not_a_no() -> None:
    assert KINDS["boolean"].empty("")
    assert refusal("boolean", "maybe") == "Answer “{label}” with yes or no"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("2900101880001", "14 digits"),
        ("٣٠٥٠٢٢٩٨٨٠٠٠٥٥", "date of birth"),
        ("29001010500018", "governorate"),
        ("19001018800018", "begins with 2 or 3"),
    ],
)
def test_a_bad_national_id_is_told_why(typed: str, reason: str) -> None:
    assert reason in refusal("national_id", typed)


def test_a_doubtful_check_digit_warns_and_lets_go_on() -> None:
    kind, asked = KINDS["national_id"], field("national_id")
    good, doubtful = Context(TODAY), Context(TODAY)
    assert kind.parse(asked, "٢٩٠٠١٠١٨٨٠٠٠١٨", good) == "29001018800018"
    assert good.warnings == []
    assert kind.parse(asked, "29001018800019", doubtful) == "29001018800019"
    assert len(doubtful.warnings) == 1


def test_identifying_numbers_are_kept_in_one_form() -> None:
    assert parse("mobile", "٠١٠ ١٢٣٤ ٥٦٧٨") == "+201012345678"
    assert parse("iban", "eg38 0019 0005 0000 0000 2631 8000 2") == "EG380019000500000000263180002"
    assert parse("permit_number", "٥٦/م لسنة ١٩٩٨") == "56/م/1998"
    assert parse("permit_number", "26-1315-00042-7") == "26-1315-00042-7"
    assert "010, 011, 012 or 015" in refusal("mobile", "01312345678")
    assert "27 digits" in refusal("iban", "EG12")
    assert "25/2023" in refusal("permit_number", "25")


@pytest.mark.parametrize("address", ["mona@example.com", "m.s+x@mail.gov.eg", " a@b.eg "])
def test_an_email_address_is_checked_by_its_shape(address: str) -> None:
    assert parse("email", address) == address.strip()


@pytest.mark.parametrize(
    "address",
    [
        "mona",
        "mona@",
        "@example.com",
        "mona@example",
        "a@b..eg",
        "a@b,c.eg",
        "a@-b.eg",
        "<a@b.eg>",
        "a b@c.eg",
    ],
)
def test_a_broken_email_address_is_refused(address: str) -> None:
    assert "name@example.com" in refusal("email", address)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("منى السيد عبد الرحمن شلبي", "منى السيد عبد الرحمن شلبي"),
        ("  منى   السيد  شلبي ", "منى السيد شلبي"),
        ("مُنَى السَّيِّد شَلَبِي", "منى السيد شلبي"),
        ("منـــى السيـد شلبـي", "منى السيد شلبي"),
        ("منی السید شلبی", "مني السيد شلبي"),
        ("کریم عادل فتحی", "كريم عادل فتحي"),
        ("ٱلسيد محمد أحمد", "السيد محمد أحمد"),
        ("هٰذا اسم طويل", "هذا اسم طويل"),
        ("\u200fمنى السيد شلبي\u200f", "منى السيد شلبي"),
    ],
)
def test_a_name_is_cleaned_and_kept_in_arabic_letters(typed: str, kept: str) -> None:
    assert parse("text", typed, pattern="arabic_name") == kept


@pytest.mark.parametrize(
    "typed",
    ["منى السيد", "منى", "Mona Elsayed Shalaby", "منى السيد 3", "منى السيد ٣ شلبي", "م. السيد علي"],
)
def test_a_name_has_three_words_of_arabic_letters_and_nothing_else(typed: str) -> None:
    assert "at least three names" in refusal("text", typed, pattern="arabic_name")


@pytest.mark.parametrize(
    ("pattern", "typed", "kept"),
    [
        ("alnum", "A 123-٤٥٦", "A123456"),
        ("letter", "ب", "ب"),
        ("digits", "٠١٢ ٣", "0123"),
        ("tax_number", "123-456-789", "123456789"),
        ("tax_number", "١٢٣٤٥٦٧٨٩", "123456789"),
    ],
)
def test_a_narrower_text_is_folded_first(pattern: str, typed: str, kept: str) -> None:
    assert parse("text", typed, pattern=pattern) == kept


@pytest.mark.parametrize(
    ("pattern", "typed"),
    [
        ("alnum", "ب123456"),
        ("letter", "بب"),
        ("letter", "3"),
        ("digits", "12a"),
        ("tax_number", "12345678"),
        ("tax_number", "1234567890"),
    ],
)
def test_a_narrower_text_refuses_the_rest(pattern: str, typed: str) -> None:
    assert refusal("text", typed, pattern=pattern) == PATTERNS[pattern].msgid


def test_a_text_loses_invisible_marks_and_keeps_its_words() -> None:
    assert parse("text", " شارع\u200f  ٢٣\u00a0يوليو ") == "شارع ٢٣ يوليو"
    assert parse("textarea", "سطر\r\nآخر\n") == "سطر\nآخر"


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u202a", "\0", "\x1b", "\x7f"])
def test_a_text_with_a_deceiving_character_is_refused(hidden: str) -> None:
    assert "hidden characters" in refusal("text", f"شارع{hidden}الجيش")
    assert "hidden characters" in refusal("textarea", f"شارع{hidden}الجيش")


def test_a_line_break_belongs_in_a_textarea_only() -> None:
    assert parse("textarea", "أ\nب") == "أ\nب"
    assert "hidden characters" in refusal("text", "أ\nب")


@pytest.mark.parametrize(
    ("kind", "pattern", "typed"),
    [
        ("mobile", "", "0101234567८"),
        ("iban", "", "EG38001900050000000026318000२"),
        ("time", "", "18:3०"),
        ("text", "tax_number", "१२३४५६७८९"),
        ("text", "digits", "१२३"),
    ],
)
def test_digits_of_a_fourth_family_are_refused(kind: str, pattern: str, typed: str) -> None:
    with pytest.raises(Invalid):
        parse(kind, typed, pattern=pattern)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("permit_number", "25/2023\0"),
        ("email", "mo\u202ena@example.com"),
        ("email", "mo\0na@example.com"),
    ],
)
def test_a_hidden_character_is_refused_in_every_kind(kind: str, typed: str) -> None:
    with pytest.raises(Invalid):
        parse(kind, typed)


@pytest.mark.parametrize("kind", ["permit_number", "mobile"])
def test_marks_of_direction_that_came_with_copying_do_not_spoil_a_number(kind: str) -> None:
    typed = {"permit_number": "25/2023", "mobile": "01012345678"}[kind]
    assert parse(kind, f"\u202a{typed}\u202c") == parse(kind, typed)


def test_values_are_shown_in_the_readers_digits() -> None:
    def shown(kind: str, value: Any, **attributes: Any) -> str:
        return KINDS[kind].show(field(kind, **attributes), value, ARABIC)

    assert shown("integer", Decimal(12500)) == "١٢٬٥٠٠"
    assert shown("integer", Decimal(12500), pattern="plain") == "١٢٥٠٠"
    assert shown("decimal", Decimal("3.5"), unit=Text("م", "m")) == "٣٫٥ م"
    months, days = Text("شهرًا", "months"), Text("يومًا", "days")
    assert shown("integer", Decimal(6), unit=months) == "٦ أشهر"
    assert shown("integer", Decimal(2), unit=days) == "يومان"
    assert shown("integer", Decimal(11), unit=days) == "١١ يومًا"
    assert shown("area_m2", Decimal(450)) == "٤٥٠ م²"
    assert shown("money", Decimal("1535.5")) == "١٬٥٣٥٫٥٠ جنيهًا"
    assert shown("date", date(2026, 11, 22)) == "٢٢ نوفمبر ٢٠٢٦"
    assert shown("time", "18:30") == "١٨:٣٠"
    assert shown("boolean", True) == "نعم"
    assert shown("choice", "b") == "اختيار b"
    assert shown("multichoice", ["a", "c"]) == "اختيار a، اختيار c"
    assert shown("permit_number", "25/2023") == "رقم ٢٥ لسنة ٢٠٢٣"
    assert shown("permit_number", "26-1315-00042-7") == "26-1315-00042-7"
    assert shown("national_id", "29001018800018") == "***********018"
    assert shown("mobile", "+201012345678") == "01012345678"
    english = KINDS["money"].show(field("money"), Decimal("1535.5"), ENGLISH)
    assert english == "EGP 1,535.50"


def _every_field() -> Iterator[tuple[str, Field]]:
    for service in shipped_catalogue().services.values():
        for each in (*service.fields.values(), *service.assessed):
            for one in each.columns or (each,):
                yield f"{service.code}: {each.code}.{one.code}", one


# one of each make: what is decided by kind, pattern and number of choices alone
FIELDS = list(
    {(f.kind, f.pattern, f.must_be, bool(f.choices)): f for _, f in _every_field()}.values()
)
HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text("0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹.,٫٬،-/ \u200f", max_size=30),
    st.text("0123456789٠\u202a\u202e\u2066\u2069\u200f\0\x1b\r\n\t😀²१", max_size=20),
    st.integers(10**17, 10**60).map(str),
    st.dates().map(lambda d: f"{d:%d/%m/%Y}"),
    st.sampled_from(["😀" * 20, "9" * 5000, "\0", "\u202e", "🇪🇬", "١" * 400, "a\u0301" * 90]),
)


@pytest.mark.parametrize(
    "asked",
    [f for f in FIELDS if f.kind not in {"multichoice", "group", "permit_number"}],
    ids=lambda f: f"{f.kind}-{f.pattern}-{f.code}",
)
@given(raw=HOSTILE)
@settings(max_examples=60, derandomize=True, deadline=None)
def test_whatever_is_typed_is_a_value_or_invalid(asked: Field, raw: str) -> None:
    _try(asked, raw)


@given(raw=st.lists(HOSTILE, max_size=4))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_whatever_is_ticked_is_a_value_or_invalid(raw: list[str]) -> None:
    _try(field("multichoice"), raw)


def _try(asked: Field, raw: Any) -> None:
    if asked.kind == "choice":
        asked = replace(asked, choices=CHOICES)
    kind = KINDS[asked.kind]
    try:
        value = kind.parse(asked, raw, Context(TODAY, asked.choices))
    except Invalid as error:
        text = ARABIC.gettext(error.msgid, label=asked.label, **error.params)
        assert "{" not in text.replace(asked.label.ar, "")
        return
    assert value is not None
    for speech in (ARABIC, ENGLISH):
        assert isinstance(kind.show(asked, value, speech), str)


def test_the_makes_of_fields_cover_every_kind_that_a_form_asks() -> None:
    assert {f.kind for f in FIELDS} | {"group"} == KINDS.keys()
