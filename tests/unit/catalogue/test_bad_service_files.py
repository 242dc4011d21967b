"""A bad file stops the start and says which file, which key and why."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.catalogue.loader import CATALOGUE_DIR, load_catalogue
from portal.catalogue.reading import CatalogueError

FILE = "site-validity-statement.toml"
Spoil = Callable[..., str]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A catalogue of one service, to be spoiled."""
    for part in ("shared", "blocks"):
        (tmp_path / part).symlink_to(CATALOGUE_DIR / part)
    (tmp_path / "services").mkdir()
    shutil.copy(CATALOGUE_DIR / "services" / FILE, tmp_path / "services")
    return tmp_path


@pytest.fixture
def spoil(directory: Path) -> Spoil:
    """Changes the service's file once and gives the complaint of loading it."""

    def complaint(old: str, new: str, name: str = f"services/{FILE}") -> str:
        path = directory / name
        if path.parent.is_symlink():
            original = path.parent.readlink()
            path.parent.unlink()
            shutil.copytree(original, path.parent)
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(CatalogueError) as caught:
            load_catalogue(directory)
        return str(caught.value)

    return complaint


def test_the_service_loads_as_it_is(directory: Path) -> None:
    assert list(load_catalogue(directory).services) == [FILE.removesuffix(".toml")]


PLOT = 'code = "plot_area"\nkind = "area_m2"\nmin = 20\n'
OTHER = "when = \"purpose == 'other'\""
STATE = "when = \"current_state == 'building'\""
CERTIFICATE = 'code = "certificate"\nstage = "submission"\nbasis = "fixed"\nrate = "300"\n'
SURVEY = 'basis = "per_m2"\nquantity = "plot_area"\nrate = "2.00"\n'
TIERED = 'basis = "tiered"\ntier_of = "plot_area"\nexplain = { ar = "شرح", en = "Told" }\n'
TABLE = (
    'basis = "table"\nby = "purpose"\nrates = { new_build = "1", nothing = "2" }\n'
    'quantity = "plot_area"\nexplain = { ar = "شرح", en = "Told" }\n'
)
BOUNDARY_TABLE = (
    'basis = "table"\nby = "inside_urban_boundary"\nquantity = "1"\n'
    'explain = { ar = "شرح", en = "Told" }\n'
)
RULE = """
[[steps.rules]]
check = "%s"
fields = ["%s"]
message = { ar = "رسالة", en = "Message" }

[[steps]]
code = "boundaries"
"""
BOUNDARIES = '\n[[steps]]\ncode = "boundaries"\n'
HEAD = 'payment_mode = "UPFRONT"'

CASES = {
    "an unknown kind of field": (
        PLOT,
        PLOT.replace("area_m2", "acres"),
        ["plot_area.kind", "'acres' is not a kind of field"],
    ),
    "a condition on a missing field": (
        OTHER,
        "when = \"aim == 'other'\"",
        ["steps[purpose].fields[purpose_note].when", "no field named 'aim'"],
    ),
    "a condition that cannot be read": (
        OTHER,
        'when = "purpose =="',
        ["steps[purpose].fields[purpose_note].when", "cannot read"],
    ),
    "a condition that calls something": (
        OTHER,
        "when = \"__import__('os')\"",
        ["steps[purpose].fields[purpose_note].when", "no function __import__()"],
    ),
    "an unknown choice in a condition": (
        OTHER,
        "when = \"purpose == 'othr'\"",
        ["steps[purpose].fields[purpose_note].when", "'purpose' has no choice 'othr'"],
    ),
    "a condition of another type": (
        OTHER,
        'when = "purpose == 5"',
        ["steps[purpose].fields[purpose_note].when", "'purpose' is a text, not a number"],
    ),
    "a condition that looks forward": (
        STATE,
        OTHER,
        ["steps[land]", "fields[existing_floors].when", "'purpose' is not asked before"],
    ),
    "a page that looks forward": (
        'code = "boundaries"\ntitle',
        f'code = "boundaries"\n{OTHER}\ntitle',
        ["steps[boundaries].when", "'purpose' is not asked on an earlier page"],
    ),
    "a condition on its own page that holds for two answers": (
        STATE,
        "when = \"current_state in ['building', 'ruins']\"",
        ["fields[existing_floors].when", "exactly one answer of 'current_state'"],
    ),
    "a condition on its own page that holds for no answer": (
        STATE,
        "when = \"current_state == 'building' and 1 > 2\"",
        ["fields[existing_floors].when", "exactly one answer of 'current_state'"],
    ),
    "a condition on its own page on what is typed": (
        STATE,
        'when = "plot_area > 100"',
        ["fields[existing_floors].when", "exactly one answer of 'plot_area'"],
    ),
    "a condition on its own page on two questions": (
        STATE,
        "when = \"current_state == 'building' and inside_urban_boundary == 'yes'\"",
        ["fields[existing_floors].when", "may depend on one other"],
    ),
    "two fields of one code": (
        'code = "street_width_m"',
        'code = "plot_area"',
        ["plot_area", "this code stands twice"],
    ),
    "a field with the code of a block": (
        'code = "street_width_m"',
        'code = "site.street"',
        ["site.street", "this code stands twice"],
    ),
    "two columns of one code": (
        'code = "neighbour"',
        'code = "side"',
        ["boundaries", "side", "this code stands twice"],
    ),
    "two pages of one code": (
        'code = "land"',
        'code = "purpose"',
        ["steps", "'purpose' stands twice"],
    ),
    "two choices of one value": (
        'value = "ruins"',
        'value = "vacant"',
        ["fields[current_state].choices", "'vacant' stands twice"],
    ),
    "two documents of one code": (
        'code = "sketch"',
        'code = "photos"',
        ["documents", "'photos' stands twice"],
    ),
    "two fee lines of one code": (
        'code = "survey"',
        'code = "certificate"',
        ["fees", "'certificate' stands twice"],
    ),
    "a fee on something that is no number": (
        'quantity = "plot_area"',
        'quantity = "purpose"',
        ["fees[survey].quantity", "'purpose' is a text, a fee needs a number"],
    ),
    "a fee on a missing field": (
        'quantity = "plot_area"',
        'quantity = "plot_aera"',
        ["fees[survey].quantity", "no field named 'plot_aera'"],
    ),
    "a fee above the legal maximum": (
        CERTIFICATE,
        CERTIFICATE + 'law_max = "200"\n',
        ["fees[certificate].law_max", "300 is above what the law allows"],
    ),
    "a maximum above the legal maximum": (
        'max = "10000"',
        'max = "10000"\nlaw_max = "9999.99"',
        ["fees[survey].law_max", "10000 is above what the law allows"],
    ),
    "tiers that do not rise": (
        SURVEY,
        TIERED
        + 'tiers = [{ up_to = "50", amount = "1" }, { up_to = "50", amount = "2" }, '
        + '{ amount = "3" }]\n',
        ["fees[survey].tiers", "they rise"],
    ),
    "a tier in the middle without an end": (
        SURVEY,
        TIERED + 'tiers = [{ amount = "20" }, { amount = "30" }]\n',
        ["fees[survey].tiers", "every tier but the last has an up_to"],
    ),
    "a tier without an amount": (
        SURVEY,
        TIERED + 'tiers = [{ up_to = "50" }, { amount = "30" }]\n',
        ["fees[survey].tiers[0].amount", "is missing"],
    ),
    "a tier above the legal maximum": (
        SURVEY,
        TIERED + 'law_max = "10000"\ntiers = [{ amount = "20000" }]\n',
        ["fees[survey].law_max", "20000 is above what the law allows"],
    ),
    "a rate of a table above the legal maximum": (
        SURVEY,
        BOUNDARY_TABLE + 'rates = { yes = "20000", no = "1", unknown = "1" }\nlaw_max = "10000"\n',
        ["fees[survey].law_max", "20000 is above what the law allows"],
    ),
    "a choice without a rate": (
        SURVEY,
        BOUNDARY_TABLE + 'rates = { yes = "20", no = "1" }\n',
        ["fees[survey].rates.unknown", "has no amount"],
    ),
    "a fee below the legal minimum": (
        CERTIFICATE,
        CERTIFICATE + 'law_min = "500"\n',
        ["fees[certificate].law_min", "300 is below what the law allows"],
    ),
    "a fee that ends before it begins": (
        CERTIFICATE,
        CERTIFICATE + "valid_from = 2026-02-01\nvalid_to = 2026-01-01\n",
        ["fees[certificate].valid_to", "is before valid_from"],
    ),
    "a least amount above the highest": (
        'min = "300"',
        'min = "20000"',
        ["fees[survey].min", "20000 is above max"],
    ),
    "tiers that end": (
        SURVEY,
        TIERED + 'tiers = [{ up_to = "50", amount = "1" }, { up_to = "90", amount = "2" }]\n',
        ["fees[survey].tiers", "the last tier has no up_to"],
    ),
    "tiers of nothing": (
        SURVEY,
        TIERED.replace('tier_of = "plot_area"\n', "") + 'tiers = [{ amount = "1" }]\n',
        ["fees[survey].tier_of", "is missing"],
    ),
    "a line with two rates": (
        SURVEY,
        SURVEY + TIERED.split("\n", 1)[1] + 'tiers = [{ amount = "1" }]\n',
        ["fees[survey].rate", "give one of"],
    ),
    "rates for a choice that is none": (
        SURVEY,
        TABLE,
        ["fees[survey].rates.nothing", "is no choice of 'purpose'"],
    ),
    "rates by something that is no choice": (
        SURVEY,
        'basis = "table"\nby = "plot_area"\nrates = { small = "1" }\nquantity = "plot_area"\n',
        ["fees[survey].by", "'plot_area' is not a choice of this service"],
    ),
    "a line that is not told in words": (
        SURVEY,
        SURVEY + 'plus_rate = "5"\nplus_quantity = "street_width_m"\n',
        ["fees[survey].explain", "tell in words"],
    ),
    "a rate per something without the number": (
        SURVEY,
        'basis = "per_m2"\nrate = "2.00"\n',
        ["fees[survey].quantity", "per_m2 needs the number"],
    ),
    "an unknown basis": (
        'basis = "per_m2"',
        'basis = "per_acre"',
        ["fees[survey].basis", "'per_acre' is not a basis"],
    ),
    "an unknown fee code": (
        'code = "survey"',
        'code = "surveying"',
        ["fees[surveying].code", "'surveying' is not a fee code"],
    ),
    "an unknown bundle": ('bundle = "B0"', 'bundle = "B7"', ["fees[0].bundle", "no bundle 'B7'"]),
    "an unknown beneficiary": (
        CERTIFICATE,
        CERTIFICATE + 'beneficiary = "nobody"\n',
        ["fees[certificate].beneficiary", "'nobody' is not a beneficiary"],
    ),
    "a stage that does not fit the payment mode": (
        CERTIFICATE,
        CERTIFICATE.replace("submission", "after_approval"),
        ["fees[certificate].stage", "after_approval does not fit UPFRONT"],
    ),
    "fees of a free service": (HEAD, 'payment_mode = "FREE"', ["fees", "does not fit FREE"]),
    "a sum that is not written exactly": (
        'rate = "300"',
        "rate = 300.10",
        ["fees[certificate].rate", "must be a number in quotes"],
    ),
    "a sum that is no number": (
        'rate = "300"',
        'rate = "three hundred"',
        ["fees[certificate].rate", "'three hundred' is not a number"],
    ),
    "a sum without end": (
        'rate = "300"',
        'rate = "NaN"',
        ["fees[certificate].rate", "'NaN' is not a number"],
    ),
    "a bound without end": (
        PLOT,
        PLOT.replace("20", "inf"),
        ["fields[plot_area].min", "inf is not a number"],
    ),
    "a field without a code": (
        'code = "plot_area"\n',
        "",
        ["steps[land].fields[0]", "with a code"],
    ),
    "an unknown key of a block's use": (
        'use = "site"',
        'use = "site"\ncolour = "red"',
        ["steps[site].colour", "is not a key that is known here"],
    ),
    "a choice without a value": (
        'value = "ruins", ',
        "",
        ["fields[current_state].choices", "has no value"],
    ),
    "an unknown payment mode": (HEAD, 'payment_mode = "LATER"', ["payment_mode", "'LATER'"]),
    "an unknown mark": ('mark = "P"', 'mark = "Z"', ["eligibility[0].mark", "'Z' is none of"]),
    "an unknown unit of time": ('unit = "days"', 'unit = "moons"', ["deadline.unit", "'moons'"]),
    "a negative period": ("amount = 7", "amount = -7", ["deadline.amount", "not be negative"]),
    "an unknown effect of silence": (
        'effect = "none"',
        'effect = "golden"',
        ["silence.effect", "'golden' is none of"],
    ),
    "an unknown department": (
        'department = "building-licensing"',
        'department = "ministry-of-magic"',
        ["department", "'ministry-of-magic' is unknown"],
    ),
    "an unknown family": (
        'family = "building-permits"',
        'family = "permits"',
        ["family", "'permits' is unknown"],
    ),
    "an unknown grievance": (
        'grievance = "building-law"',
        'grievance = "roman-law"',
        ["grievance", "'roman-law' is unknown"],
    ),
    "an unknown capacity": (
        '"public_body", "holder"]',
        '"public_body", "passer_by"]',
        ["applicants", "'passer_by' is not a capacity"],
    ),
    "an unknown key of the service": (HEAD, f'{HEAD}\ncolour = "red"', ["colour", "known here"]),
    "an unknown key of a field": (
        PLOT,
        PLOT + "maximum = 9\n",
        ["fields[plot_area].maximum", "is not a key that is known here"],
    ),
    "an unknown key of a fee line": (
        CERTIFICATE,
        CERTIFICATE + 'minimum = "3"\n',
        ["fees[certificate].minimum", "is not a key that is known here"],
    ),
    "an unknown key of a document": (
        'code = "sketch"',
        'code = "sketch"\nsize = 5',
        ["documents[sketch].size", "is not a key that is known here"],
    ),
    "an unknown key of the deadline": (
        "amount = 7",
        "amount = 7\nhours = 3",
        ["deadline.hours", "is not a key that is known here"],
    ),
    "a missing key": ('inspection = "yes"\n', "", ["inspection", "is missing"]),
    "a missing number": ("number = 1\n", "", ["number", "is missing"]),
    "a number as text": ("number = 1\n", 'number = "1"\n', ["number", "must be of type int"]),
    "a yes as number": ("number = 1\n", "number = true\n", ["number", "must be of type int"]),
    "a label without English": (
        'label = { ar = "مساحة الأرض", en = "Plot area" }',
        'label = { ar = "مساحة الأرض" }',
        ["fields[plot_area].label.en", "is missing"],
    ),
    "a label without Arabic": (
        'label = { ar = "مساحة الأرض", en = "Plot area" }',
        'label = { en = "Plot area" }',
        ["fields[plot_area].label.ar", "is missing"],
    ),
    "an empty English label": (
        'en = "Plot area"',
        'en = " "',
        ["fields[plot_area].label.en", "is empty"],
    ),
    "a label of a third language": (
        'en = "Plot area"',
        'en = "Plot area", fr = "Surface"',
        ["fields[plot_area].label.fr", "known here"],
    ),
    "an Arabic label without Arabic letters": (
        'ar = "مساحة الأرض"',
        'ar = "Plot"',
        ["fields[plot_area].label.ar", "has no Arabic letter"],
    ),
    "an English label with Arabic letters": (
        'en = "Plot area"',
        'en = "Plot مساحة"',
        ["fields[plot_area].label.en", "has Arabic letters"],
    ),
    "a choice without a label": (
        '{ value = "ruins", ar = "مبنى مهدم", en = "Ruins" }',
        '"ruins"',
        ["fields[current_state].choices", "no shared label for 'ruins'"],
    ),
    "a choice in one language": (
        '{ value = "ruins", ar = "مبنى مهدم", en = "Ruins" }',
        '{ value = "ruins", ar = "مبنى مهدم" }',
        ["fields[current_state].choices[ruins].label.en", "is missing"],
    ),
    "a number with choices": (
        PLOT,
        PLOT + 'choices = ["yes"]\n',
        ["fields[plot_area].choices", "a area_m2 has no choices"],
    ),
    "a choice of nothing": (
        'choices = ["yes", "no", "unknown"]\n',
        "",
        ["fields[inside_urban_boundary].choices", "a choice needs choices"],
    ),
    "a bound of another type": (
        PLOT,
        PLOT.replace("20", '"today"'),
        ["fields[plot_area].min", "'today' is a date, a number is needed"],
    ),
    "a bound on a missing field": (
        PLOT,
        PLOT.replace("20", '"footprint"'),
        ["fields[plot_area].min", "no field named 'footprint'"],
    ),
    "an unknown pattern": (
        PLOT,
        PLOT + 'pattern = "roman"\n',
        ["fields[plot_area].pattern", "'roman' is not a pattern"],
    ),
    "a sensitive question that does not say why it is asked": (
        'code = "street_width_m"\n',
        'code = "street_width_m"\nsensitive = true\n',
        ["fields[street_width_m].hint", "tells why it is asked"],
    ),
    "a number that must be true": (
        PLOT,
        PLOT + "must_be = true\n",
        ["fields[plot_area].must_be", "is for a boolean"],
    ),
    "rows by a column that is none": (
        'rows_by = "side"',
        'rows_by = "corner"',
        ["fields[boundaries].rows_by", "must name a choice among the columns"],
    ),
    "a record that is not named": (
        PLOT,
        PLOT + "from_record = true\n",
        ["plot_area", "comes from a record, but none is named"],
    ),
    "a rule that names a missing field": (
        BOUNDARIES,
        RULE % ("plot_area > 1", "plot_aera"),
        ["steps[land].rules[0].fields", "no field named 'plot_aera'"],
    ),
    "a rule on a missing field": (
        BOUNDARIES,
        RULE % ("plot_aera > 1", "plot_area"),
        ["steps[land].rules[0].check", "no field named 'plot_aera'"],
    ),
    "a rule that is no condition": (
        BOUNDARIES,
        RULE % ("plot_area + 1", "plot_area"),
        ["steps[land].rules[0].check", "must be a condition"],
    ),
    "a format that no one opens": (
        'formats = ["pdf", "jpg", "png"]',
        'formats = ["pdf", "exe"]',
        ["documents[sketch].formats", "only"],
    ),
    "more documents at least than at most": (
        "min = 2\nmax = 4",
        "min = 5\nmax = 4",
        ["documents[photos].min", "between 0 and max"],
    ),
    "a document for another day": (
        'code = "sketch"',
        'code = "sketch"\nrequired_at = "someday"',
        ["documents[sketch].required_at", "is submission or before_approval"],
    ),
    "a document under a condition without words for it": (
        'code = "sketch"',
        'code = "sketch"\nwhen = "inside_urban_boundary == \'yes\'"',
        ["documents[sketch].only", "tells when in words"],
    ),
    "a document that tells a condition and has none": (
        'code = "sketch"',
        'code = "sketch"\nonly = { ar = "أحيانًا", en = "Sometimes" }',
        ["documents[sketch].only", "tells when in words"],
    ),
    "a document under a condition that cannot be": (
        'code = "sketch"',
        'code = "sketch"\nwhen = "purpose == \'fun\'"',
        ["documents[sketch].when", "'purpose' has no choice 'fun'"],
    ),
    "a code that is not the file's name": (
        'code = "site-validity-statement"',
        'code = "site-statement"',
        ["code", "must be the name of its file"],
    ),
    "a place that leads to no center": (
        HEAD,
        f'{HEAD}\nrouting = ["home"]',
        ["routing", "no place named 'home' decides the center"],
    ),
    "an unknown block": ('use = "site"', 'use = "moon"', ["steps", "no block 'moon'"]),
    "a page that asks nothing": (
        BOUNDARIES,
        '\n[[steps]]\ncode = "empty"\ntitle = { ar = "خالية", en = "Empty" }\n' + BOUNDARIES,
        ["steps[empty].fields", "asks at least one thing"],
    ),
    "a service that does not exist": (
        HEAD,
        f'{HEAD}\nrequires = [{{ text = {{ ar = "ترخيص", en = "A permit" }}, services = ["x"] }}]',
        ["'x'", "does not exist"],
    ),
    "bad TOML": (HEAD, "payment_mode = UPFRONT", ["is not TOML", "line"]),
    "a key that stands twice": (HEAD, f"{HEAD}\n{HEAD}", ["is not TOML"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_told_with_key_and_reason(case: str, spoil: Spoil) -> None:
    old, new, parts = CASES[case]
    message = spoil(old, new)
    assert message.startswith(f"{FILE}: ")
    for part in parts:
        assert part in message, message
    assert "\n" not in message


def test_a_file_that_is_not_utf8_is_told(directory: Path) -> None:
    (directory / "services" / FILE).write_bytes(b'code = "\xe7"')
    with pytest.raises(CatalogueError, match=rf"^{re.escape(FILE)}: is not TOML"):
        load_catalogue(directory)


def test_a_page_that_is_no_table_is_told(directory: Path) -> None:
    path = directory / "services" / FILE
    head = path.read_text(encoding="utf-8").partition("[[steps]]")[0]
    path.write_text(f'steps = ["site"]\n{head}', encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"steps\[1\]: must be a table"):
        load_catalogue(directory)


def test_two_services_of_one_number_are_told(directory: Path) -> None:
    path = directory / "services" / FILE
    text = path.read_text(encoding="utf-8")
    other = text.replace('code = "site-validity-statement"', 'code = "another-statement"', 1)
    (directory / "services" / "another-statement.toml").write_text(other, encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(directory)
    assert "number: 1 is that of" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "parts"),
    [
        ("departments.toml", "[markets]", "[markets]\nphone = 1", ["markets.phone", "known here"]),
        ("families.toml", 'icon = "build"\n', "", ["building-permits.icon", "is missing"]),
        ("grievances.toml", 'mark = "L"', 'mark = "?"', ["building-law.mark", "'?' is none of"]),
        ("choices.toml", " en = ", " fr = ", ["is missing"]),
        ("fee_codes.toml", 'en = "Balance"', 'en = ""', ["codes.balance.label.en", "is empty"]),
    ],
)
def test_a_bad_shared_file_is_told_as_well(
    spoil: Spoil, name: str, old: str, new: str, parts: list[str]
) -> None:
    message = spoil(old, new, f"shared/{name}")
    assert message.startswith(f"{name}: ")
    for part in parts:
        assert part in message, message


def test_a_43rd_service_is_one_added_file(tmp_path: Path) -> None:
    for part in ("shared", "blocks"):
        (tmp_path / part).symlink_to(CATALOGUE_DIR / part)
    shutil.copytree(CATALOGUE_DIR / "services", tmp_path / "services")
    text = (tmp_path / "services" / FILE).read_text(encoding="utf-8")
    text = text.replace('code = "site-validity-statement"', 'code = "well-permit"', 1)
    text = text.replace("number = 1\n", "number = 43\n", 1)
    (tmp_path / "services" / "well-permit.toml").write_text(text, encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert len(catalogue.services) == 43
    assert list(catalogue.services)[-1] == "well-permit"
    added = catalogue.services["well-permit"]
    assert added.fields.keys() == catalogue.services["site-validity-statement"].fields.keys()
    assert added in catalogue.family_services("building-permits")
