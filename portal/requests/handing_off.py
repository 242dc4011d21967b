"""The messages to a center, made from a request: all that it needs, and no contact detail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from portal.catalogue import assessment
from portal.catalogue.model import Catalogue, PaymentMode, Service, Stage
from portal.handoff import inward, outbox
from portal.handoff.messages import (
    CONDITIONS_MET,
    FEES_PAID,
    GRIEVANCE_FILED,
    PERIOD_LAPSED,
    REQUEST_COMPLETED,
    REQUEST_PAID,
    REQUEST_RESCHEDULED,
    REQUEST_SHELVED,
    REQUEST_WITHDRAWN,
    SOURCE_PORTAL,
    Message,
)
from portal.handoff.model import OutboxMessage
from portal.problems import Refused
from portal.requests import uploads
from portal.requests.reading import FiledRequest
from portal.requests.snapshot import for_center, hidden_from_departments, quote_to_json
from portal.requests.uploads import Attached
from portal.vault import Vault


@dataclass(frozen=True)
class HandOff:
    """What making a message needs beside the request."""

    catalogue: Catalogue
    vault: Vault

    def paid(
        self,
        db: Connection,
        request: FiledRequest,
        frozen: Mapping[str, Any],
        message_id: str,
        receipt: str,
        at: datetime,
    ) -> None:
        """Hand the paid (or free) request to its center, in the caller's transaction.

        ``frozen`` is what it was filed with (see :mod:`portal.requests.snapshot`).
        """
        service = self.catalogue.services[request.service_code]
        data: dict[str, Any] = {
            "service": self._service(service, frozen["values"]),
            "channel": request.channel,
            "submitted_at": request.submitted_at.isoformat(),
            "received_at": at.isoformat(),
            "applicant": {
                "name": frozen["values"].get("applicant_name", ""),
                "capacity": frozen["values"].get("applicant_capacity", ""),
            },
            "sections": for_center(frozen),
            "hidden_from_departments": hidden_from_departments(frozen),
            "warnings": frozen["warnings"],
            "record": frozen["record"],
            "fees": quote_to_json(request.quote),
            "basis": assessment.basis(service, frozen["values"]),
            "paid": request.due_now,
            "receipt": receipt,
            "clock": self._clock(request),
            "documents": self._documents(
                uploads.of_request(db, self.vault, request.id, "filing"), service
            ),
            "expected_documents": self._expected(service, frozen["documents"]),
        }
        self._put(db, request, message_id, REQUEST_PAID, data, at)

    def completed(
        self,
        db: Connection,
        request: FiledRequest,
        message_id: str,
        note: str,
        files: Sequence[Attached],
        at: datetime,
    ) -> None:
        """Tell the center that the citizen completed what it asked for."""
        service = self.catalogue.services[request.service_code]
        data = {
            "note": note,
            "documents": self._documents(files, service),
            "clock": self._clock(request),
        }
        self._put(db, request, message_id, REQUEST_COMPLETED, data, at)

    def shelved(
        self, db: Connection, request: FiledRequest, message_id: str, reason: str, at: datetime
    ) -> None:
        self._put(db, request, message_id, REQUEST_SHELVED, {"reason": reason}, at)

    def fees_paid(
        self,
        db: Connection,
        request: FiledRequest,
        message_id: str,
        receipt: str,
        stage: Stage,
        amount: int,
        at: datetime,
    ) -> None:
        """Tell the center that the fees it assessed for ``stage`` are paid; the clock goes on.

        What the center has decided before it heard of that, such as the approval, may fit now.
        """
        data = {
            "stage": str(stage),
            "amount": amount,
            "receipt": receipt,
            "clock": self._clock(request),
        }
        self._put(db, request, message_id, FEES_PAID, data, at)
        inward.wake(db, request.number, at)

    def conditions_met(
        self, db: Connection, request: FiledRequest, message_id: str, at: datetime
    ) -> None:
        """Tell the center that the citizen says so; a new period runs."""
        self._put(db, request, message_id, CONDITIONS_MET, {"clock": self._clock(request)}, at)

    def rescheduled(
        self, db: Connection, request: FiledRequest, message_id: str, at: datetime
    ) -> None:
        """Tell the center that the legal period ends on another day."""
        self._put(db, request, message_id, REQUEST_RESCHEDULED, {"clock": self._clock(request)}, at)

    def withdrawn(
        self, db: Connection, request: FiledRequest, message_id: str, note: str, at: datetime
    ) -> None:
        """Tell the center that the citizen gives the request up, and why.

        What the center has sent and what waited to fit is told to fit no more.
        """
        self._put(db, request, message_id, REQUEST_WITHDRAWN, {"note": note}, at)
        outbox.answered(db, request.number, at)  # nobody waits for its number any more
        inward.wake(db, request.number, at)

    def grievance_filed(
        self,
        db: Connection,
        request: FiledRequest,
        message_id: str,
        note: str,
        files: Sequence[Attached],
        at: datetime,
    ) -> None:
        """Tell the center that the citizen challenges the refusal, before whom and with what.

        The service must be one whose refusal can be challenged.
        """
        service = self.catalogue.services[request.service_code]
        if service.grievance is None:
            raise Refused(f"no grievance against {service.code}")
        body = service.grievance.body
        data = {
            "note": note,
            "body": {"ar": body.ar, "en": body.en},
            "documents": self._documents(files, service),
        }
        self._put(db, request, message_id, GRIEVANCE_FILED, data, at)

    def lapsed(self, db: Connection, request: FiledRequest, message_id: str, at: datetime) -> None:
        """Tell the center that the period passed without a decision, and what follows from that.

        The service must be one with a rule for silence.
        """
        silence = self.catalogue.services[request.service_code].silence
        data = {"effect": str(silence.effect), "clock": self._clock(request)}
        self._put(db, request, message_id, PERIOD_LAPSED, data, at)

    def _put(
        self,
        db: Connection,
        request: FiledRequest,
        message_id: str,
        kind: str,
        data: dict[str, Any],
        at: datetime,
    ) -> None:
        message = Message(
            message_id, kind, request.center_code, request.number, SOURCE_PORTAL, at, data
        )
        outbox.put(db, self.vault, OutboxMessage, message)

    def _service(self, service: Service, values: dict[str, Any]) -> dict[str, Any]:
        department = self.catalogue.departments[service.department]
        return {
            "code": service.code,
            "title": {"ar": service.title.ar, "en": service.title.en},
            "department": {"code": department.code, "ar": department.title.ar},
            "inspection": str(service.inspection),
            "silence": str(service.silence.effect),
            "output": {"ar": service.output.title.ar, "en": service.output.title.en},
            "notice": service.immediate is not None and service.immediate.holds(values),
            "later_fees": any(rule.stage != "submission" for rule in service.fees),
            "returns_deposit": service.payment_mode is PaymentMode.REFUND,
        }

    @staticmethod
    def _clock(request: FiledRequest) -> dict[str, Any]:
        return {
            "from": request.clock_from.isoformat() if request.clock_from else None,
            "due_on": request.due_on.isoformat() if request.due_on else None,
            "period": dict(request.period),
            "paused_days": request.paused_days,
        }

    @staticmethod
    def _expected(service: Service, asked: Sequence[str]) -> list[dict[str, Any]]:
        """The documents that these answers ask for, so that a completion can name them."""
        return [
            {"code": d.code, "title": {"ar": d.title.ar, "en": d.title.en}}
            for d in service.documents
            if d.code in asked
        ]

    def _documents(self, files: Sequence[Attached], service: Service) -> list[dict[str, Any]]:
        return [self._file(file, service) for file in files]

    @staticmethod
    def _file(file: Attached, service: Service) -> dict[str, Any]:
        document = service.document(file.document_code)
        title = document.title if document else None
        return {
            "id": file.id,
            "code": file.document_code,
            "title": {"ar": title.ar, "en": title.en} if title else None,
            "name": file.file_name,
            "media_type": file.media_type,
            "size": file.size_bytes,
            "pages": file.pages,
            "sha256": file.sha256,
        }
