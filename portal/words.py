"""The words and signs for states, events and marks: one table for citizen's and staff's pages."""

from dataclasses import dataclass

from portal.problems import N_


@dataclass(frozen=True)
class Word:
    """A label with the tone and the icon that go with it, never colour alone."""

    label: str
    tone: str = ""
    icon: str = "clock"


STATES = {
    "draft": Word(N_("Draft")),
    "awaiting_filing_payment": Word(N_("Waiting for payment"), "is-warn", "card"),
    "expired_unpaid": Word(N_("Closed: not paid in time"), "is-bad", "x"),
    "received": Word(N_("Received"), "is-info", "inbox"),
    "document_check": Word(N_("Documents being checked"), "is-info", "doc"),
    "needs_completion": Word(N_("Needs completion"), "is-warn", "alert"),
    "referred": Word(N_("With the department"), "is-info", "build"),
    "under_study": Word(N_("Under study"), "is-info", "build"),
    "inspection_scheduled": Word(N_("Inspection scheduled"), "is-info", "pin"),
    "inspected": Word(N_("Inspected"), "is-info", "pin"),
    "awaiting_external_opinion": Word(N_("Waiting for an opinion"), "is-info", "talk"),
    "waiting_list": Word(N_("On the waiting list"), "is-info"),
    "accepted_prelim": Word(N_("Accepted in principle"), "is-ok", "check"),
    "fees_assessed": Word(N_("Fees assessed: waiting for payment"), "is-warn", "card"),
    "approved": Word(N_("Approved"), "is-ok", "check"),
    "issued": Word(N_("Issued"), "is-ok", "cert"),
    "ready_for_delivery": Word(N_("Ready for delivery"), "is-ok", "cert"),
    "delivered": Word(N_("Delivered"), "is-ok", "check"),
    "refused": Word(N_("Refused, with reasons"), "is-bad", "x"),
    "deemed_approved": Word(N_("Approved by lapse of the period"), "is-ok", "check"),
    "deemed_refused": Word(N_("Refused by lapse of the period"), "is-bad", "x"),
    "grievance_filed": Word(N_("Grievance filed"), "is-info", "scale"),
    "grievance_upheld": Word(N_("Grievance upheld"), "is-ok", "scale"),
    "grievance_rejected": Word(N_("Grievance rejected"), "is-bad", "scale"),
    "withdrawn": Word(N_("Withdrawn"), "", "x"),
    "shelved": Word(N_("Shelved"), "", "pause"),
    "revoked": Word(N_("Revoked"), "is-bad", "x"),
    "expired": Word(N_("Expired"), "", "clock"),
}

EVENTS = {
    "submit": N_("Request submitted"),
    "pay_filing": N_("Filing fee paid"),
    "expire_unpaid": N_("Closed because it was not paid in time"),
    "register_incoming": N_("Registered at the center"),
    "register_notice": N_("Notice registered"),
    "accept_documents": N_("Documents accepted"),
    "request_completion": N_("Completion requested"),
    "complete": N_("Completed by the citizen"),
    "refer": N_("Referred to the department"),
    "assign": N_("Assigned to an officer"),
    "schedule_inspection": N_("Inspection scheduled"),
    "inspect": N_("Inspected"),
    "inspection_missed": N_("Inspection could not be made"),
    "ask_opinion": N_("Opinion asked for"),
    "receive_opinion": N_("Opinion received"),
    "notify_authority": N_("National authority notified"),
    "put_on_waiting_list": N_("Put on the waiting list"),
    "accept_prelim": N_("Accepted in principle"),
    "ready_notice": N_("Notice that conditions are met"),
    "assess_fees": N_("Fees assessed"),
    "pay_assessed": N_("Assessed fees paid"),
    "approve": N_("Approved"),
    "refuse": N_("Refused"),
    "issue": N_("Document issued"),
    "make_ready": N_("Ready for delivery"),
    "deliver": N_("Delivered"),
    "lapse_silence": N_("Period lapsed without a decision"),
    "file_grievance": N_("Grievance filed"),
    "decide_grievance": N_("Grievance decided"),
    "reopen": N_("Reopened"),
    "withdraw": N_("Withdrawn by the citizen"),
    "shelve": N_("Shelved"),
    "extend": N_("Internal target extended"),
    "revoke": N_("Revoked"),
    "expire": N_("Expired"),
    "correct_output": N_("Document corrected"),
    "receive": N_("Received in the inbox"),
    "register": N_("Registered at the center"),
}

MARKS = {
    "L": N_("By law"),
    "P": N_("From an official statement; not checked against the law's text"),
    "K": N_("Professional practice; not checked against the law's text"),
    "G": N_("Illustrative figure; the governorate sets its own"),
}

SILENCE = {
    "none": N_("If the period passes without a decision, the request stays open and is followed up"),
    "deemed_approved": N_("If the period passes without a decision, the request counts as approved"),
    "deemed_accepted_prelim": N_(
        "If the period passes without a decision, the request counts as accepted in principle"
    ),
    "deemed_refused": N_(
        "If the period passes without a decision, the request counts as refused, and you may appeal"
    ),
}

STAGES = {
    "submission": N_("Due now, with the request"),
    "after_prelim": N_("Due after acceptance in principle"),
    "after_approval": N_("Due after approval, before the document is issued"),
    "before_delivery": N_("Due before delivery, if the registers show a difference"),
}

INSPECTION = {
    "yes": N_("The site is inspected"),
    "no": N_("No inspection"),
    "later": N_("Inspected after the licence"),
    "maybe": N_("Inspected if needed"),
}
