"""The register's words: kinds of permits, uses, statuses, verdicts, acts (facts §6.1, §6.2)."""

from portal.permits import particulars
from portal.permits.registry import PermitAction
from portal.permits.validity import Status, Verdict
from portal.problems import N_

TYPES = {
    "new": N_("New building"),
    "vertical_extension": N_("Vertical extension"),
    "alteration": N_("Alteration"),
    "extension": N_("Horizontal extension"),
    "boundary_wall": N_("Boundary wall"),
    "external_finish": N_("External finishes"),
    "strengthening": N_("Strengthening"),
    "restoration": N_("Restoration"),
    "demolition": N_("Demolition"),
    "completion": N_("Completion of a building"),
    "renewal": N_("Renewal of a permit"),
    "use_change": N_("Change of use"),
}

USES = {
    "residential": N_("Residential"),
    "administrative": N_("Administrative"),
    "commercial": N_("Commercial"),
    "mixed": N_("Mixed use"),
    "industrial": N_("Industrial"),
    "storage": N_("Storage"),
    "service": N_("Services building"),
}

REGIMES = {
    "119/2008": N_("Law 119 of 2008"),
    "106/1976": N_("Law 106 of 1976"),
    "2021": N_("The conditions of 2021"),
    "17/2019": N_("Reconciliation: law 17 of 2019"),
    "187/2023": N_("Reconciliation: law 187 of 2023"),
    "pre-1976": N_("Before 1976"),
}

STATUSES = {
    Status.VALID_NOT_STARTED: N_("Valid, works not started"),
    Status.UNDER_EXECUTION: N_("Works under way"),
    Status.RENEWED: N_("Renewed, works not started"),
    Status.LAPSED: N_("Lapsed: works were not started in time"),
    Status.SUSPENDED: N_("Suspended"),
    Status.REVOKED: N_("Revoked"),
    Status.COMPLETED: N_("Works completed"),
    Status.OCCUPIED: N_("Completed, occupancy certificate deposited"),
    Status.SUPERSEDED: N_("Replaced by a later permit"),
    Status.MANUAL_UNVERIFIED: N_("From paper books, not reviewed yet"),
}

UNDECIDED = N_("Works not started, and the center has not decided yet")
"""The state of one whose time is over: «valid» would be read as an answer that nobody has given."""

# headline, what it means, tone, icon
VERDICTS = {
    Verdict.HOLDS: (
        N_("The permit is valid"),
        N_("The works have not begun. They must begin by {day}."),
        "is-ok",
        "check",
    ),
    Verdict.START_OVER: (
        N_("The time to begin the works is over"),
        N_(
            "It ended on {day}, and the register knows of no beginning. Only the center decides "
            "whether the permit has lapsed."
        ),
        "is-warn",
        "alert",
    ),
    Verdict.STARTED: (
        N_("The permit is valid, and the works have begun"),
        N_("A permit whose works began in time stays valid."),
        "is-ok",
        "check",
    ),
    Verdict.DONE: (
        N_("The permitted works are completed"),
        N_("What was built must be as the permit says."),
        "is-ok",
        "check",
    ),
    Verdict.STOPPED: (
        N_("The permit is suspended"),
        N_("No works are allowed until the center lifts the suspension."),
        "is-bad",
        "pause",
    ),
    Verdict.ENDED: (
        N_("The permit is no longer valid"),
        N_("Works now need a new permit."),
        "is-bad",
        "x",
    ),
    Verdict.REPLACED: (
        N_("A later permit has taken its place"),
        N_("Ask about the later permit: it says what is allowed."),
        "is-warn",
        "alert",
    ),
}

DEMOLISHED = (
    N_("The building is demolished"),
    N_("What is built here now needs a permit of its own."),
    "is-ok",
    "check",
)

# what a reader wants to know next: of the works, and of buying or renting
_ADVICE = {
    Verdict.HOLDS: (
        N_("They may begin as this permit says, once the center has been notified of it."),
        N_("Have the permit itself shown to you, and compare number, owner and floors with it."),
    ),
    Verdict.START_OVER: (
        N_("Ask the center before anything is built. Who began in time can prove it there."),
        N_("Pay nothing before the center has answered."),
    ),
    Verdict.STARTED: (
        N_("They may go on as far as this permit says, and no further."),
        N_("Count the floors that stand: what goes beyond the permit may be removed."),
    ),
    Verdict.DONE: (
        N_("They are over. Any others need a permit of their own."),
        N_("Compare the building with the permit, and see whether the certificate is deposited."),
    ),
    Verdict.STOPPED: (
        N_("None is allowed now."),
        N_("Ask the center why it was suspended before you pay anything."),
    ),
    Verdict.ENDED: (
        N_("None is allowed without a new permit."),
        N_("What is built without one is a violation. Ask the center whether there is a new one."),
    ),
    Verdict.REPLACED: (
        N_("They go by the later permit, not by this one."),
        N_("Have the number of the later permit told to you, and ask about it here."),
    ),
}
_OF_DEMOLITION = N_("What will be built after the demolition needs a permit of its own.")


def advice(verdict: Verdict, permit_type: str) -> tuple[str, str]:
    """What a verdict means for the works, and for who wants to buy or rent."""
    works, buyer = _ADVICE[verdict]
    if permit_type == "demolition" and verdict in {Verdict.HOLDS, Verdict.STARTED}:
        return works, _OF_DEMOLITION
    if permit_type == "demolition" and verdict is Verdict.DONE:
        return works, DEMOLISHED[1]
    return works, buyer


ACTS = {
    PermitAction.ENTER: N_("Entered"),
    PermitAction.RENUMBER: N_("Number corrected"),
    PermitAction.REVIEW: N_("Reviewed and accepted"),
    PermitAction.START: N_("Works begun"),
    PermitAction.DISPUTE_START: N_("The beginning of the works is disputed"),
    PermitAction.END_DISPUTE: N_("The dispute about the beginning is over"),
    PermitAction.RENEW: N_("Renewed for one year"),
    PermitAction.SUSPEND: N_("Suspended"),
    PermitAction.RESUME: N_("Suspension lifted"),
    PermitAction.REVOKE: N_("Revoked"),
    PermitAction.COMPLETE: N_("Works completed"),
    PermitAction.OCCUPY: N_("Occupancy certificate deposited"),
    PermitAction.SUPERSEDE: N_("Replaced by a later permit"),
    PermitAction.LAPSE: N_("Confirmed as lapsed"),
    PermitAction.OPEN_MATTER: N_("Recorded beside the permit"),
    PermitAction.CLOSE_MATTER: N_("Closed beside the permit"),
    PermitAction.RETURN: N_("Returned to be corrected"),
    PermitAction.CORRECT: N_("Corrected"),
    PermitAction.RESUBMIT: N_("Compared with the paper once more and submitted again"),
    PermitAction.REJECT: N_("Rejected: it does not belong into the register"),
    PermitAction.AMEND: N_("Data corrected"),
    PermitAction.NOTIFY_START: N_("Notice of the beginning of the works"),
    PermitAction.KEEP: N_("Looked at: the permit has not lapsed"),
    PermitAction.REINSTATE: N_("Given back its state"),
    PermitAction.TAKE_BACK: N_("The last step was recorded in error: taken back"),
    PermitAction.OWNER_MOBILE: N_("The owner's mobile was recorded"),
}

REFUSALS = {
    "status": N_("This act does not fit the state of the permit"),
    "issued_on": N_("The day of issue is missing; complete it first"),
    "own": N_("Nobody reviews what he entered or corrected himself"),
    "in_lot": N_("The entry belongs to a lot; its sample decides about it"),
    "lapse": N_(
        "The permit has not lapsed: its time to begin is not over, or works have begun, or their "
        "beginning is disputed"
    ),
    "started": N_("The works have begun: no renewal is needed"),
    "renewed": N_("The permit was renewed before; the law allows it once"),
    "late": N_("The year to begin is over without a renewal"),
    "late_start": N_("The works began after the time to begin was over: that is no start in time"),
    "reinstate": N_("The permit has lapsed: give it back its state first"),
    "no_start_in_time": N_(
        "With this day of issue the recorded beginning or renewal would not be in time"
    ),
    "future": N_("This day has not come yet"),
    "too_early": N_("This day is before what was recorded earlier"),
}

# what is typed of a permit, and what a reviewer may mark as wrong
FIELDS = {
    "number": N_("Number of the permit"),
    "year": N_("Year"),
    "permit_type": N_("Kind of permit"),
    "legal_regime": N_("Issued under"),
    "issued_on": N_("Issued on"),
    "street": N_("Street"),
    "building_no": N_("Number of the building"),
    "plot_no": N_("Plot number"),
    "area": N_("Quarter or village"),
    "building_use": N_("Use"),
    "floors_above": N_("Floors above ground"),
    "basements": N_("Basements"),
    "units_count": N_("Units"),
    "plot_area": N_("Plot area"),
    "total_built_area": N_("Built area of all floors"),
    "owner": N_("Owner"),
    "owner_id": N_("National ID number"),
    "owner_mobile": N_("Mobile of the owner"),
    "owner_share": N_("Share of the owner"),
    "owner_capacity": N_("Capacity of the owner"),
    "co_owners": N_("The other owners"),
    "floors": N_("The floors one by one"),
    **{name: each.label for name, each in particulars.BY_NAME.items()},
    "file_no": N_("Number of the paper file"),
    "file_year": N_("Year of the file"),
    "file_department": N_("Department of the file"),
}

STEPS = {
    "occupied_on": N_("Occupancy certificate deposited"),
    "completed_on": N_("Works completed"),
    "started_on": N_("Works begun"),
    "renewed_on": N_("Renewed for one year"),
}
"""Days of acts that may be taken back."""

PERSONAL = frozenset(
    {"owner", "owner_id", "owner_mobile", "owner_share", "co_owners"}
    | {name for name, each in particulars.BY_NAME.items() if each.personal}
)
"""What names a person or touches one: only for who may see names."""

REVIEWS = {
    "": N_("Waits for a second person"),
    "returned": N_("Returned to be corrected"),
    "rejected": N_("Rejected"),
}
