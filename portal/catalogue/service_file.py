"""One service file, read whole into a :class:`~portal.catalogue.model.Service`."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from portal.catalogue.expressions import Scope
from portal.catalogue.fee_file import FeeShared, read_fees
from portal.catalogue.form_file import (
    Shared,
    all_fields,
    expand_blocks,
    read_field,
    read_steps,
    scope_of,
)
from portal.catalogue.model import (
    Deadline,
    Department,
    Document,
    Family,
    Grievance,
    Inspection,
    Link,
    Mark,
    Note,
    Output,
    PaymentMode,
    Period,
    Record,
    Service,
    Silence,
    SilenceRule,
    Unit,
    Window,
)
from portal.catalogue.reading import CatalogueError, Table, read_toml, unique

FORMATS = frozenset({"pdf", "jpg", "png", "dwg"})


@dataclass(frozen=True)
class Library:
    """Everything beside the service's own file."""

    form: Shared
    fees: FeeShared
    families: Mapping[str, Family]
    departments: Mapping[str, Department]
    grievances: Mapping[str, Grievance]
    documents: list[dict[str, Any]]


def read_service(path: Path, library: Library) -> Service:
    """The service of one file; raises :class:`CatalogueError` with file, key and reason."""
    table = read_toml(path)
    applicants = table.strings("applicants")
    for code in applicants:
        if code not in library.form.capacities:
            raise table.wrong("applicants", f"{code!r} is not a capacity")
    steps = [{"use": "applicant"}, *table.take("steps", list)]
    expanded = expand_blocks(path.name, steps, library.form)
    assessed = table.take("assessed", list, [])
    parameters = _read_parameters(table)
    scope = scope_of(
        path.name,
        [*all_fields(path.name, expanded), *assessed],
        library.form,
        tuple(parameters),
    )
    mode = table.choice("payment_mode", PaymentMode)
    form = Table(path.name, "", {"steps": expanded, "assessed": assessed})
    documents = [*library.documents, *table.take("documents", list, [])]
    service = Service(
        code=table.take("code", str),
        number=table.take("number", int),
        family=_known(table, "family", library.families),
        department=_known(table, "department", library.departments),
        assisting=table.strings("assisting", ()),
        title=table.text("title"),
        summary=table.text("summary"),
        payment_mode=mode,
        inspection=table.choice("inspection", Inspection),
        applicants=applicants,
        eligibility=_read_notes(table, "eligibility"),
        law=_read_notes(table, "law"),
        notes=_read_notes(table, "notes"),
        requires=tuple(_read_link(part) for part in table.tables("requires")),
        deadline=_read_deadline(table.table("deadline"), scope),
        silence=_read_silence(table.table("silence"), scope),
        grievance=_read_grievance(table, library.grievances),
        output=_read_output(table.table("output")),
        window=_read_window(table),
        record=_read_record(table, scope),
        routing=table.strings("routing", ("site",)),
        steps=read_steps(form, scope, library.form, applicants, parameters),
        assessed=tuple(read_field(part, scope, library.form) for part in form.tables("assessed")),
        documents=_read_documents(path.name, documents, scope),
        fees=read_fees(table, scope, library.fees, mode),
        immediate=table.expression("immediate", scope),
        parameters=parameters,
        scope=scope,
        digest=sha256(path.read_bytes()).hexdigest()[:16],
    )
    table.done()
    _check_service(table, service, path)
    return service


def _known(table: Table, key: str, known: Mapping[str, Any]) -> str:
    code = table.take(key, str)
    if code not in known:
        raise table.wrong(key, f"{code!r} is unknown")
    return code


def _read_parameters(table: Table) -> dict[str, Any]:
    """Numbers of the law or of a decision that the expressions use by name."""
    part = table.optional_table("parameters")
    if part is None:
        return {}
    values = {key: part.decimal(key) for key in part.keys()}  # noqa: SIM118
    return {key: value for key, value in values.items() if value is not None}


def _read_notes(table: Table, key: str) -> tuple[Note, ...]:
    notes: list[Note] = []
    for part in table.tables(key):
        mark = part.optional_choice("mark", Mark)
        texts = {k: part.take(k, str) for k in ("ar", "en")}
        notes.append(Note(Table(part.file, part.key, {"text": texts}).text("text"), mark))
        part.done()
    return tuple(notes)


def _read_link(table: Table) -> Link:
    link = Link(table.text("text"), table.strings("services", ()))
    table.done()
    return link


def read_period(table: Table, scope: Scope) -> Period:
    period = Period(
        amount=table.take("amount", int),
        unit=table.choice("unit", Unit),
        mark=table.choice("mark", Mark),
        uncertain=table.take("uncertain", bool, False),
        when=table.expression("when", scope),
        rolls=table.take("rolls", bool, True),
        label=table.optional_text("label"),
    )
    if period.amount < 0:
        raise table.wrong("amount", "must not be negative")
    return period


def _read_deadline(table: Table, scope: Scope) -> Deadline:
    variants: list[Period] = []
    for part in table.tables("variants"):
        variants.append(read_period(part, scope))
        part.done()
    deadline = Deadline(
        standard=read_period(table, scope),
        source=table.text("source"),
        variants=tuple(variants),
        from_filing=table.take("from_filing", bool, False),
        note=table.optional_text("note"),
    )
    table.done()
    return deadline


def _read_silence(table: Table, scope: Scope) -> SilenceRule:
    rule = SilenceRule(
        effect=table.choice("effect", Silence),
        mark=table.choice("mark", Mark),
        uncertain=table.take("uncertain", bool, False),
        note=table.optional_text("note"),
        unless=table.expression("unless", scope),
        after=table.take("after", str, ""),
    )
    table.done()
    return rule


def _read_grievance(table: Table, known: Mapping[str, Grievance]) -> Grievance | None:
    code = table.optional("grievance", str)
    if code is None:
        return None
    if code not in known:
        raise table.wrong("grievance", f"{code!r} is unknown")
    return known[code]


def _read_output(table: Table) -> Output:
    output = Output(
        kind=table.take("kind", str),
        title=table.text("title"),
        validity=table.text("validity"),
        mark=table.optional_choice("mark", Mark),
        months=table.optional("months", int),
    )
    table.done()
    return output


def _read_window(table: Table) -> Window | None:
    part = table.optional_table("window")
    if part is None:
        return None
    window = Window(
        opens_on=part.day("opens_on"),
        closes_on=part.day("closes_on"),
        closed=part.text("closed"),
        mark=part.choice("mark", Mark),
    )
    part.done()
    return window


def _read_record(table: Table, scope: Scope) -> Record | None:
    part = table.optional_table("record")
    if part is None:
        return None
    record = Record(
        kind=part.take("kind", str),
        key=part.take("key", str),
        required=part.take("required", bool),
        missing=part.text("missing"),
    )
    part.done()
    if record.key not in scope.types:
        raise part.wrong("key", f"no field named {record.key!r}")
    return record


def _read_documents(
    file: str, documents: list[dict[str, Any]], scope: Scope
) -> tuple[Document, ...]:
    table = Table(file, "", {"documents": documents})
    found: list[Document] = []
    for part in table.tables("documents"):
        required = part.take("required", bool, True)
        found.append(
            Document(
                code=part.take("code", str),
                title=part.text("title"),
                hint=part.optional_text("hint"),
                formats=part.strings("formats", ("pdf", "jpg", "png")),
                max_mb=part.take("max_mb", int, 5),
                max_pages=part.take("max_pages", int, 50),
                minimum=part.take("min", int, 1 if required else 0),
                maximum=part.take("max", int, 5),
                required=required,
                when=part.expression("when", scope),
                only=part.optional_text("only"),
                required_at=part.take("required_at", str, "submission"),
                original=part.take("original", bool, False),
                mark=part.optional_choice("mark", Mark),
            )
        )
        part.done()
        _check_document(part, found[-1])
    unique(found, lambda d: d.code, lambda c: table.wrong("documents", f"{c!r} stands twice"))
    return tuple(found)


def _check_document(table: Table, document: Document) -> None:
    if not set(document.formats) <= FORMATS:
        raise table.wrong("formats", f"only {sorted(FORMATS)}")
    if document.required_at not in {"submission", "before_approval"}:
        raise table.wrong("required_at", "is submission or before_approval")
    if (document.when is None) != (document.only is None):
        raise table.wrong("only", "a document with when, and no other, tells when in words")
    if not 0 <= document.minimum <= document.maximum:
        raise table.wrong("min", "must lie between 0 and max")


def _check_service(table: Table, service: Service, path: Path) -> None:
    if service.code != path.stem:
        raise table.wrong("code", f"{service.code!r} must be the name of its file")
    for place in service.routing:
        if f"{place}.center" not in service.fields:
            raise table.wrong("routing", f"no place named {place!r} decides the center")
    silent = service.silence.effect is Silence.NONE
    if service.payment_mode is PaymentMode.FREE and not silent:
        raise table.wrong("silence", "a free service has no implied decision")
    reads = [f.code for f in service.fields.values() if f.from_record]
    if reads and service.record is None:
        raise CatalogueError(f"{path.name}: {reads[0]}: comes from a record, but none is named")
