"""Reads the whole catalogue at the start; one bad file stops it."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from portal.catalogue.expressions import Scope
from portal.catalogue.fee_file import FeeShared
from portal.catalogue.form_file import Shared
from portal.catalogue.guide_file import read_guides
from portal.catalogue.model import (
    Catalogue,
    Department,
    Family,
    FeeCode,
    Grievance,
    Mark,
    Service,
    Text,
)
from portal.catalogue.reading import CatalogueError, Table, read_toml
from portal.catalogue.service_file import Library, read_period, read_service
from portal.catalogue.trying import trial_of
from portal.catalogue.words_file import read_words

CATALOGUE_DIR = Path(__file__).resolve().parent
T = TypeVar("T")


def load_catalogue(directory: Path = CATALOGUE_DIR) -> Catalogue:
    """Every service under ``directory``/services; raises :class:`CatalogueError`.

    Services come in the order of their numbers, families and departments in the order of theirs.
    """
    shared = directory / "shared"
    families = _keyed(shared / "families.toml", _read_family)
    departments = _keyed(shared / "departments.toml", _read_department)
    capacities = _texts(shared / "capacities.toml")
    fees = _read_fee_codes(shared / "fee_codes.toml")
    library = Library(
        form=Shared(
            choices=_texts(shared / "choices.toml"),
            blocks=_read_blocks(directory / "blocks"),
            capacities=capacities,
        ),
        fees=fees,
        families=families,
        departments=departments,
        grievances=_keyed(shared / "grievances.toml", _read_grievance),
        documents=read_toml(shared / "documents.toml").take("documents", list),
    )
    services = [
        read_service(path, library) for path in sorted((directory / "services").glob("*.toml"))
    ]
    _check_all(services)
    hints = _texts(shared / "trial.toml")
    trials = {s.code: trial_of(s, hints) for s in services}
    return Catalogue(
        services={s.code: s for s in sorted(services, key=lambda s: s.number)},
        families=families,
        departments=departments,
        capacities=capacities,
        fee_codes=fees.codes,
        beneficiaries=fees.beneficiaries,
        refusal_reasons=_texts(shared / "refusal_reasons.toml"),
        words=read_words(directory / "words.toml", {s.code for s in services}, families),
        trials={code: trial for code, trial in trials.items() if trial is not None},
        guides=read_guides(directory / "guides", {s.code: s.number for s in services}),
    )


@cache
def shipped_catalogue() -> Catalogue:
    """The catalogue that came with this program, read once: it changes with the program only."""
    return load_catalogue()


def _keyed(path: Path, read: Callable[[str, Table], T]) -> dict[str, T]:
    table = read_toml(path)
    found: dict[str, T] = {}
    for key in table.keys():  # noqa: SIM118 - keys() of a Table, in the order of the file
        part = table.table(key)
        found[key] = read(key, part)
        part.done()
    return found


def _texts(path: Path) -> dict[str, Text]:
    table = read_toml(path)
    return {key: table.text(key) for key in table.keys()}  # noqa: SIM118


def _read_family(code: str, table: Table) -> Family:
    return Family(code, table.text("title"), table.text("summary"), table.take("icon", str))


def _read_department(code: str, table: Table) -> Department:
    return Department(code, table.text("title"))


def _read_grievance(_code: str, table: Table) -> Grievance:
    decided = table.optional_table("decided_in")
    period = table.table("period")
    grievance = Grievance(
        period=read_period(period, Scope({})),
        body=table.text("body"),
        mark=table.choice("mark", Mark),
        decided_in=read_period(decided, Scope({})) if decided else None,
        silence=table.optional_text("silence"),
    )
    for part in (period, decided):
        if part is not None:
            part.done()
    return grievance


def _read_fee_codes(path: Path) -> FeeShared:
    table = read_toml(path)
    beneficiaries_table = table.table("beneficiaries")
    beneficiaries = {
        key: beneficiaries_table.text(key)
        for key in beneficiaries_table.keys()  # noqa: SIM118
    }
    bundles: dict[str, list[dict[str, Any]]] = table.take("bundles", dict)
    codes: dict[str, FeeCode] = {}
    codes_table = table.table("codes")
    for key in codes_table.keys():  # noqa: SIM118
        part = codes_table.table(key)
        codes[key] = FeeCode(
            label=part.text("label"),
            beneficiary=part.take("beneficiary", str, "treasury"),
            refundable=part.take("refundable", bool, False),
        )
        part.done()
    table.done()
    return FeeShared(codes, bundles, beneficiaries)


def _read_blocks(directory: Path) -> Mapping[str, dict[str, Any]]:
    blocks: dict[str, dict[str, Any]] = {}
    for path in sorted(directory.glob("*.toml")):
        table = read_toml(path)
        blocks[path.stem] = {key: table.raw(key) for key in table.keys()}  # noqa: SIM118
    return blocks


def _check_all(services: list[Service]) -> None:
    """Codes and numbers stand once; services named by others exist."""
    numbers: dict[int, str] = {}
    codes = {service.code for service in services}
    for service in services:
        file = f"{service.code}.toml"
        if service.number in numbers:
            other = numbers[service.number]
            raise CatalogueError(f"{file}: number: {service.number} is that of {other!r} too")
        numbers[service.number] = service.code
        named = {code for link in service.requires for code in link.services}
        named |= {r.refer for step in service.steps for r in step.rules if r.refer}
        for code in named - codes:
            raise CatalogueError(f"{file}: names the service {code!r}, which does not exist")
