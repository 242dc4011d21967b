"""The documents of a service as a list to tick: what everyone brings, and what only some do."""

from dataclasses import dataclass

from portal.catalogue.model import Document, Service

# What holds for most who ask: a condition that holds for it is no exception to them
_USUAL = {"is_foreigner": False}


@dataclass(frozen=True)
class Checklist:
    """``always`` for everyone, ``sometimes`` under a condition, ``optional`` if one wishes."""

    always: tuple[Document, ...]
    sometimes: tuple[Document, ...]
    optional: tuple[Document, ...]


def checklist(service: Service) -> Checklist:
    """The documents that a request of this service may need, in the order of its form."""
    always: list[Document] = []
    sometimes: list[Document] = []
    optional: list[Document] = []
    for document in service.documents:
        if not document.required:
            optional.append(document)
        elif document.when is None or document.when.holds(_USUAL):
            always.append(document)
        elif _possible(document, service):
            sometimes.append(document)
    return Checklist(tuple(always), tuple(sometimes), tuple(optional))


def _possible(document: Document, service: Service) -> bool:
    """False for the papers of a capacity in which nobody may apply for this service."""
    when = document.when
    if when is None or when.names != {"applicant_capacity"}:
        return True
    return any(when.holds({"applicant_capacity": capacity}) for capacity in service.applicants)
