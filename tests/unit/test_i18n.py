"""How the portal speaks: plural forms, money, dates, digits, and that nothing is untranslated."""

import ast
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from portal import words
from portal.catalogue.model import Mark, Period, Text, Unit
from portal.i18n import LOCALES_DIR, Languages
from portal.notifications import compose
from portal.problems import Problem

ARABIC, ENGLISH = Languages().pair
PORTAL = Path(words.__file__).parent
TEMPLATES = PORTAL / "templates"

DAYS = {
    0: "اليوم نفسه",
    1: "يوم واحد",
    2: "يومان",
    3: "٣ أيام",
    10: "١٠ أيام",
    11: "١١ يومًا",
    99: "٩٩ يومًا",
    100: "١٠٠ يوم",
    101: "١٠١ يوم",
    102: "١٠٢ يوم",
    103: "١٠٣ أيام",
}
MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"
POUNDS = {
    0: "٠ جنيه",
    1: "١ جنيه",
    2: "٢ جنيهان",
    3: "٣ جنيهات",
    10: "١٠ جنيهات",
    11: "١١ جنيهًا",
    99: "٩٩ جنيهًا",
    100: "١٠٠ جنيه",
    101: "١٠١ جنيه",
    102: "١٠٢ جنيه",
    103: "١٠٣ جنيهات",
}


@pytest.mark.parametrize(("n", "text"), DAYS.items())
def test_days_count_in_six_forms(n: int, text: str) -> None:
    assert ARABIC.ngettext("{n} day", "{n} days", n) == text


@pytest.mark.parametrize(("pounds", "text"), POUNDS.items())
def test_pounds_count_as_arabic_grammar_has_it(pounds: int, text: str) -> None:
    assert ARABIC.money(pounds * 100) == text


@pytest.mark.parametrize(
    ("piastres", "arabic", "english"),
    [
        (153550, "١٬٥٣٥٫٥٠ جنيهًا", "EGP 1,535.50"),
        (50, "٠٫٥٠ جنيه", "EGP 0.50"),
        (105, "١٫٠٥ جنيه", "EGP 1.05"),
        (201, "٢٫٠١ جنيهان", "EGP 2.01"),
        (1099, "١٠٫٩٩ جنيهات", "EGP 10.99"),
        (125000000, "١٬٢٥٠٬٠٠٠ جنيه", "EGP 1,250,000"),
        (-75000, "-٧٥٠ جنيهًا", "EGP -750"),
        (-75050, "-٧٥٠٫٥٠ جنيهًا", "EGP -750.50"),
    ],
)
def test_money_with_piastres_takes_the_form_of_the_whole_pounds(
    piastres: int, arabic: str, english: str
) -> None:
    assert ARABIC.money(piastres) == arabic
    assert ENGLISH.money(piastres) == english


def test_a_column_of_sums_has_two_decimals() -> None:
    assert ARABIC.amount(125050) == "١٬٢٥٠٫٥٠"
    assert ARABIC.amount(5) == "٠٫٠٥"
    assert ARABIC.amount(-100000) == "-١٬٠٠٠٫٠٠"
    assert ENGLISH.amount(125050) == "1,250.50"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1250.50"), "١٬٢٥٠٫٥"),
        (Decimal(1000), "١٬٠٠٠"),
        (Decimal("1E+3"), "١٬٠٠٠"),
        (1000, "١٬٠٠٠"),
        (0, "٠"),
        (Decimal("0.050"), "٠٫٠٥"),
        (Decimal("-2.5"), "-٢٫٥"),
    ],
)
def test_a_number_has_arabic_digits_and_no_idle_zeros(value: int | Decimal, text: str) -> None:
    assert ARABIC.number(value) == text


def test_a_year_is_not_grouped() -> None:
    assert ARABIC.number(2026, group=False) == "٢٠٢٦"


@pytest.mark.parametrize(
    ("month", "name"),
    list(enumerate(MONTHS.split(), 1)),
)
def test_months_have_the_names_used_in_egypt(month: int, name: str) -> None:
    assert ARABIC.day(date(2026, month, 5)) == f"٥ {name} ٢٠٢٦"


def test_a_long_date_names_the_day_of_the_week() -> None:
    assert ARABIC.long_date(date(2026, 11, 22)) == "الأحد ٢٢ نوفمبر ٢٠٢٦"
    assert ENGLISH.long_date(date(2026, 11, 22)) == "Sunday 22 November 2026"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 22, 9, 42, tzinfo=UTC), "١١:٤٢ صباحًا"),
        (datetime(2026, 11, 22, 10, 5, tzinfo=UTC), "١٢:٠٥ مساءً"),
        (datetime(2026, 11, 21, 22, 0, tzinfo=UTC), "١٢:٠٠ صباحًا"),
        (datetime(2026, 7, 1, 12, 30, tzinfo=UTC), "٣:٣٠ مساءً"),  # summer time
    ],
)
def test_hours_are_those_of_cairo(at: datetime, text: str) -> None:
    assert ARABIC.time(at) == text


def test_a_moment_falls_on_the_day_in_cairo() -> None:
    shown = ARABIC.moment(datetime(2026, 11, 21, 22, 30, tzinfo=UTC))
    assert shown == "الأحد ٢٢ نوفمبر ٢٠٢٦، ١٢:٣٠ صباحًا"


def test_values_are_shown_in_the_language_of_the_reader() -> None:
    assert (ARABIC.show(True), ENGLISH.show(False)) == ("نعم", "No")
    assert ARABIC.show(Text("أرض", "Land")) == "أرض"
    assert ENGLISH.show(Text("أرض", "Land")) == "Land"
    assert ARABIC.show(Decimal("1234.5")) == "١٬٢٣٤٫٥"
    assert ARABIC.show(date(2026, 1, 7)) == "٧ يناير ٢٠٢٦"
    assert ARABIC.show("26-1315-00042-7") == "26-1315-00042-7"
    assert ARABIC.join(["أ", "ب"]) == "أ، ب"


def test_a_problem_is_told_with_its_label_and_bound() -> None:
    problem = Problem("area", "{label} is at least {bound}", {"label": Text("المساحة", "Area")})
    bound = Problem("area", problem.msgid, {**problem.params, "bound": Decimal(20)})
    assert ENGLISH.problem(bound) == "Area is at least 20"
    told = ARABIC.problem(bound)
    assert "المساحة" in told
    assert "٢٠" in told
    assert ARABIC.problem(Problem("x", text=Text("اكتب", "Write"))) == "اكتب"


@pytest.mark.parametrize(
    ("amount", "unit", "arabic"),
    [
        (7, Unit.DAYS, "٧ أيام"),
        (30, Unit.DAYS, "٣٠ يومًا"),
        (1, Unit.MONTHS, "شهر واحد"),
        (2, Unit.MONTHS, "شهران"),
        (6, Unit.MONTHS, "٦ أشهر"),
        (12, Unit.MONTHS, "١٢ شهرًا"),
    ],
)
def test_periods_are_told_in_words(amount: int, unit: Unit, arabic: str) -> None:
    assert words.period(Period(amount, unit, Mark.LAW), ARABIC) == arabic


def test_working_days_are_told_apart_from_days() -> None:
    assert "عمل" in words.period(Period(7, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE), ARABIC)
    assert "عمل" in words.period(Period(1, Unit.WORKING_DAYS, Mark.ILLUSTRATIVE), ARABIC)
    assert "عمل" not in words.period(Period(7, Unit.DAYS, Mark.LAW), ARABIC)


def test_what_is_typed_or_dictated_stays_in_latin_digits() -> None:
    code = compose.compose(ARABIC, compose.ONE_TIME_CODE, {"code": "012345"}, "https://x.eg")
    assert "012345" in code
    params = {"number": "26-1315-00042-7", "sum": 153550, "until": "2026-11-29"}
    saved = compose.compose(ARABIC, compose.REQUEST_SUBMITTED, params, "https://x.eg")
    assert "26-1315-00042-7" in saved
    assert "https://x.eg/requests/26-1315-00042-7" in saved
    assert "١٬٥٣٥٫٥٠ جنيهًا" in saved
    assert "٢٩ نوفمبر ٢٠٢٦" in saved


def test_english_pages_have_their_prefix_and_direction() -> None:
    assert (ARABIC.direction, ARABIC.prefix) == ("rtl", "")
    assert (ENGLISH.direction, ENGLISH.prefix) == ("ltr", "/en")


# --- every message has its translation -----------------------------------------------------------

Found = tuple[str, str, str]  # where, msgid, plural or ""
_MARKED = {"N_", "_", "gettext"}


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts that an argument may be: ``N_("a" if x else "b")`` names two."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(body)
            yield from _constants(orelse)
        case ast.Call(args=[argument], func=ast.Name(id="N_")):
            yield from _constants(argument)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _in_code(path: Path) -> Iterator[Found]:
    plural: set[ast.expr] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # breadth first: a call comes before what stands inside it
        if not isinstance(node, ast.Call) or node in plural:
            continue
        where = f"{path.relative_to(PORTAL)}:{node.lineno}"
        if _name(node.func) == "ngettext" and len(node.args) >= 2:
            plural.update(node.args[:2])
            for one, many in zip(*map(_constants, node.args[:2]), strict=True):
                yield where, one, many
        elif _name(node.func) in _MARKED and node.args:
            for text in _constants(node.args[0]):
                yield where, text, ""


def _template_constants(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Const(value=str(text)):
            yield text
        case nodes.CondExpr(expr1=first, expr2=second):
            yield from _template_constants(first)
            if second is not None:
                yield from _template_constants(second)


def _in_template(path: Path, environment: Environment) -> Iterator[Found]:
    tree = environment.parse(path.read_text(encoding="utf-8"))
    for call in tree.find_all(nodes.Call):
        name = getattr(call.node, "attr", "") or getattr(call.node, "name", "")
        where = f"{path.relative_to(PORTAL)}:{call.lineno}"
        if name == "ngettext":
            for one, many in zip(*map(_template_constants, call.args[:2]), strict=True):
                yield where, one, many
        elif name in _MARKED and call.args:
            for text in _template_constants(call.args[0]):
                yield where, text, ""


def _all_messages() -> list[Found]:
    environment = Environment(autoescape=True)
    found = [each for path in sorted(PORTAL.rglob("*.py")) for each in _in_code(path)]
    for path in sorted(TEMPLATES.rglob("*.html")):
        found += _in_template(path, environment)
    return found


def _arabic() -> Catalog:
    with (LOCALES_DIR / "ar" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file)


MESSAGES, PO = _all_messages(), _arabic()
_PLACE = re.compile(r"\{(\w*)[^}]*\}")
_TYPED = re.compile(r"[A-Za-z][A-Za-z0-9. ]*|26-1315-00042-7|18:30|25/2023|01[0125]")


def _places(text: str) -> set[str]:
    return set(_PLACE.findall(text))


def _forms(text: object) -> list[str]:
    """The forms of an id or a translation: one, or those of a plural."""
    return [str(form) for form in text] if isinstance(text, tuple | list) else [str(text)]


def test_the_extractor_sees_code_templates_and_both_arms_of_a_condition() -> None:
    texts = {msgid for _, msgid, _ in MESSAGES}
    assert {"Yes", "No", "{n} kB", "pound", "{n} working day", "Choose", "Draft"} <= texts
    assert len(texts) > 300
    assert any(where.startswith("templates/") for where, _, _ in MESSAGES)


def test_every_message_of_code_and_templates_has_an_arabic_translation() -> None:
    missing = []
    for where, msgid, plural in MESSAGES:
        entry = PO.get(msgid)
        texts = entry.string if entry is not None else ""
        forms = texts if isinstance(texts, tuple) else (texts,)
        if not all(forms) or bool(plural) != isinstance(texts, tuple) or len(forms) not in {1, 6}:
            missing.append((where, msgid))
    assert missing == []


def test_every_placeholder_of_a_message_stands_in_its_translation() -> None:
    wrong = []
    for entry in PO:
        if not entry.id:
            continue
        forms = _forms(entry.string)
        wanted = set().union(*map(_places, _forms(entry.id)))
        for index, form in enumerate(forms):
            # «يوم واحد», «يومان»: the words for none, one and two say the number themselves
            needed = wanted - {"n"} if len(forms) == 6 and index < 3 else wanted
            if not needed <= _places(form) <= wanted:
                wrong.append((entry.id, index, form))
    assert wrong == []


def test_no_translation_is_left_over() -> None:
    used = {msgid for _, msgid, _ in MESSAGES}
    assert {_forms(entry.id)[0] for entry in PO if entry.id} - used == set()


def test_translations_are_arabic() -> None:
    for entry in PO:
        for form in _forms(entry.string) if entry.id else ():
            # names such as WCAG 2.2, and numbers that are typed in Latin digits
            bare = _TYPED.sub("", _PLACE.sub("", form))
            assert not re.search("[0-9]", bare), form
            assert _letters(bare) or not re.search("[A-Za-z]", bare), form
            assert not entry.fuzzy, form


# --- Arabic text lives in data, never in code -----------------------------------------------------

ALLOWED = {
    "catalogue/identity.py": "how people write the number of a paper",
    "text.py": "letters that are folded",
    "cli/running.py": "what an operator reads at the start",
    "cli/__init__.py": "the name of the portal in its command line",
}


def _letters(text: str) -> str:
    return "".join(c for c in text if unicodedata.name(c, "").startswith("ARABIC") and c.isalpha())


def _docstrings(tree: ast.AST) -> set[int]:
    """The ids of texts that only document: they stand alone as a statement."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_no_code_holds_arabic_words() -> None:
    found = []
    for path in sorted(PORTAL.rglob("*.py")):
        name = path.relative_to(PORTAL).as_posix()
        if name in ALLOWED or name.startswith("demo/"):
            continue
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        documents = _docstrings(tree)
        found += [
            (name, node.lineno, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documents
            and _letters(node.value)
            # a bound such as \u0621 is no word
            and _letters(ast.get_source_segment(source, node) or "")
        ]
    assert found == []


def test_no_template_holds_arabic_words_but_the_languages_own_name() -> None:
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = path.read_text(encoding="utf-8").replace(">العربية<", "><")
        if _letters(text):
            found.append((path.name, _letters(text)))
    assert found == []
