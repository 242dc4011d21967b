"""The frozen copy of what a request was filed with: every answer with its label, every fee line.

Later changes of the catalogue do not reach it; the center and the citizen read the same words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.catalogue.fees import Quote, line_from_json
from portal.catalogue.fields import KINDS
from portal.catalogue.forms import Asked, Evaluation, to_json
from portal.catalogue.model import Field, Text
from portal.i18n import Speech

# Contact details stay with the portal: the back office and the citizen never meet (facts §3.1)
CONTACT_KINDS = frozenset({"mobile", "email"})

# What says who the applicant is: the pages of the applicant's block and the papers asked of all
# services. A service whose answers have this field true hides them from the departments.
HIDES_IDENTITY = "hide_identity_from_department"
IDENTITY_SECTIONS = (
    "applicant",
    "principal",
    "power-of-attorney",
    "company",
    "contact",
    "residence",
)
IDENTITY_DOCUMENTS = (
    "national_id_card",
    "passport",
    "power_of_attorney",
    "guardianship",
    "inheritance_decree",
    "company_papers",
)


def snapshot(evaluation: Evaluation, speeches: Sequence[Speech]) -> dict[str, Any]:
    """Sections with labels and shown values in both languages, and the bare values by code."""
    names = evaluation.names
    sections = []
    for state in evaluation.steps:
        answers = [_answer(a, speeches) for a in state.asked if a.value is not None]
        if answers:
            sections.append(
                {"code": state.step.code, "title": _both(state.step.title), "answers": answers}
            )
    values = {
        answer.field.code: to_json(answer.value)
        for state in evaluation.steps
        for answer in state.asked
        if answer.value is not None
    }
    warnings = [
        {"field": p.field, **{s.locale: s.problem(p) for s in speeches}}
        for state in evaluation.steps
        for p in state.warnings
    ]
    record = evaluation.record
    asked = [d for d in evaluation.service.documents if d.when is None or d.when.holds(names)]
    return {
        "sections": sections,
        "values": values,
        "warnings": warnings,
        "documents": [document.code for document in asked],
        "record": None if record is None else to_json(dict(record)),
    }


def _answer(answer: Asked, speeches: Sequence[Speech]) -> dict[str, Any]:
    asked = answer.field
    shown: dict[str, Any] = {
        "code": asked.code,
        "kind": asked.kind,
        "label": _both(asked.label),
    }
    if asked.kind == "group":
        shown["columns"] = [_both(column.label) for column in asked.columns]
        shown["rows"] = [
            [_shown(column, row.get(column.code), speeches) for column in asked.columns]
            for row in answer.value
        ]
    else:
        shown["shown"] = _shown(asked, answer.value, speeches)
    return shown


def _shown(asked: Field, value: Any, speeches: Sequence[Speech]) -> dict[str, str]:
    if value is None:
        return {speech.locale: "" for speech in speeches}
    return {s.locale: KINDS[asked.kind].show(asked, value, s) for s in speeches}


def for_center(frozen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sections without anyone's contact details."""
    return [
        {**section, "answers": kept}
        for section in frozen["sections"]
        if (kept := [a for a in section["answers"] if a["kind"] not in CONTACT_KINDS])
    ]


def hidden_from_departments(frozen: Mapping[str, Any]) -> dict[str, list[str]]:
    """Codes of the sections and documents that only the center itself may see."""
    if not frozen["values"].get(HIDES_IDENTITY):
        return {"sections": [], "documents": []}
    return {"sections": list(IDENTITY_SECTIONS), "documents": list(IDENTITY_DOCUMENTS)}


def quote_to_json(quote: Quote) -> list[dict[str, Any]]:
    """Fee lines as the request keeps them, sums in piastres."""
    return [
        {
            "id": line.id,
            "code": line.code,
            "label": _both(line.label),
            "stage": str(line.stage),
            "amount": None if line.amount is None else line.amount.minor,
            "beneficiary": line.beneficiary,
            "refundable": line.refundable,
            "mark": str(line.mark),
            "explain": _both(line.explain) if line.explain else None,
            "decision": _both(line.decision) if line.decision else None,
        }
        for line in quote.lines
    ]


def quote_from_json(lines: Sequence[dict[str, Any]]) -> Quote:
    return Quote(tuple(line_from_json(line) for line in lines))


def _both(text: Text) -> dict[str, str]:
    return {"ar": text.ar, "en": text.en}
