"""Words of the outside bodies: kinds, purposes, classes of answers, acts of their keepers."""

from datetime import date, timedelta

from portal.bodies.keeping import BodyAction
from portal.bodies.model import BodyAnswer, BodyKind, Purpose
from portal.bodies.notices import GivenUp, NoticeType
from portal.problems import N_

_SOON = timedelta(days=30)

KINDS = {
    BodyKind.ELECTRICITY: N_("Electricity company"),
    BodyKind.WATER: N_("Water and sewerage company"),
    BodyKind.GAS: N_("Gas company"),
    BodyKind.TELECOM: N_("Telecommunications company"),
    BodyKind.NOTARY: N_("Real-estate registry and notary"),
    BodyKind.BANK: N_("Bank"),
    BodyKind.PROPERTY_TAX: N_("Property tax authority"),
    BodyKind.COURT: N_("Court or prosecution"),
    BodyKind.INSURANCE: N_("Insurance pool"),
    BodyKind.CIVIL_DEFENCE: N_("Civil defence"),
    BodyKind.UTILITIES_POLICE: N_("Utilities police"),
}
PURPOSES = {
    Purpose.CONNECTION: N_("Connecting a utility"),
    Purpose.REGISTRATION: N_("Registering a deed"),
    Purpose.VALUATION: N_("Valuing a property"),
    Purpose.TAXATION: N_("Property tax"),
    Purpose.JUDICIAL: N_("Judicial proceedings"),
    Purpose.INSURANCE: N_("Insurance of works"),
    Purpose.SAFETY: N_("Fire and public safety"),
}
ANSWERS = {
    BodyAnswer.CONFIRMED: (N_("Confirmed"), "is-ok", "check"),
    BodyAnswer.CONFIRMED_WITH_REMARKS: (N_("Confirmed with remarks"), "is-warn", "alert"),
    BodyAnswer.NOT_FOUND: (N_("Not in the register"), "is-bad", "x"),
    BodyAnswer.NEEDS_MANUAL_SEARCH: (N_("To be searched in the archive"), "is-info", "clock"),
}
ACTS = {
    BodyAction.OPEN: N_("Account opened"),
    BodyAction.CHANGE: N_("Pace and address changed"),
    BodyAction.AGREE: N_("Purpose agreed"),
    BodyAction.END_AGREEMENT: N_("Agreement ended"),
    BodyAction.ADD_KEY: N_("Key entered"),
    BodyAction.REVOKE_KEY: N_("Key revoked"),
    BodyAction.ADD_USER: N_("User entered"),
    BodyAction.REVOKE_USER: N_("User revoked"),
    BodyAction.REVOKE: N_("Body revoked"),
    BodyAction.REOPEN: N_("Body opened again"),
}
FIELDS = {
    "permit_type": N_("Kind of permit"),
    "legal_regime": N_("Law under which it was issued"),
    "issued_on": N_("Day of issue"),
    "status": N_("State in the register"),
    "status_on": N_("Since when it is in this state"),
    "validity": N_("Whether it holds today"),
    "must_start_by": N_("Last day to begin the works"),
    "building_use": N_("Use"),
    "floors_above": N_("Floors above ground"),
    "basements": N_("Basements"),
    "units_count": N_("Units"),
    "occupancy": N_("Occupancy certificate and its day"),
    "form_8": N_("Form 8"),
    "dues_block": N_("Whether dues forbid a connection"),
    "owner_match": N_("Whether the name that is sent is the owner's"),
    "street": N_("Street"),
    "building_no": N_("Number of the building"),
    "plot_no": N_("Number of the plot"),
    "plot_area": N_("Plot area"),
    "footprint_area": N_("Area of the ground floor"),
    "total_built_area": N_("Built area of all floors"),
    "height": N_("Height"),
    "estimated_value": N_("Estimated value, with the owner's consent only"),
    "violations_count": N_("How many violations were reported"),
    "reconciliation_status": N_("State of a reconciliation"),
}
NOTICES = {
    NoticeType.PERMIT_CHANGED: N_("A permit has changed"),
    NoticeType.INQUIRY_SEARCHED: N_("The archive was searched"),
    NoticeType.JOB_FINISHED: N_("A batch is finished"),
    NoticeType.PING: N_("Test of the address"),
}
UNTOLD = {
    GivenUp.REVOKED: N_("The body is revoked"),
    GivenUp.NO_ADDRESS: N_("The body has no address"),
    GivenUp.AGREEMENT_OVER: N_("The agreement is over"),
    "no_such_name": N_("The name of the server leads nowhere"),
    "no_public_name": N_("The address is not one that is reached from outside"),
    "not_public": N_("The name leads into an inner network, where nothing is sent"),
    "no_connection": N_("The server takes no connection"),
    "certificate": N_("The server shows no certificate of its name that can be believed"),
    "too_slow": N_("The server did not answer in ten seconds"),
    "broken_answer": N_("The server broke off"),
    "proxy": N_("The way out of our own network is closed: tell the operator"),
    "status_410": N_("The server says that this address is no more"),
}
"""Why a notice was not taken; a status that is not here is shown as a number."""
REFUSALS = {
    "changed": N_(
        "Somebody changed this body meanwhile. What you typed is still here: look at what is new, "
        "and press the button once more"
    ),
    "closed": N_("The body is revoked: open it again before anything else"),
    "not_closed": N_("The body is open already"),
    "known_key": N_("A key of this name was entered before, and a name stands for one key only"),
    "same_key": N_(
        "This very key was entered before: ask the body to make a new pair. One that was revoked "
        "does not come back"
    ),
    "known_user": N_("This user is entered already"),
    "ended": N_("This is revoked already"),
}
_LEAVE = N_("Leave it as it is")
ENDINGS = {
    BodyAction.REVOKE: (
        N_("Revoke the whole body?"),
        N_(
            "From this moment on it may ask for nothing and is told nothing. What it asked before "
            "stays in the log. The body can be opened again."
        ),
        N_("Revoke the body; I answer for it"),
        _LEAVE,
    ),
    BodyAction.REOPEN: (
        N_("Open the body again?"),
        N_(
            "It may again what its agreements say, with the keys and users that were not revoked "
            "one by one."
        ),
        N_("Open it again; I answer for it"),
        _LEAVE,
    ),
    BodyAction.END_AGREEMENT: (
        N_("End the agreement?"),
        N_("The body may not ask for this purpose any more, from this moment on."),
        N_("End the agreement; I answer for it"),
        _LEAVE,
    ),
    BodyAction.REVOKE_KEY: (
        N_("Revoke the key?"),
        N_(
            "What is signed with it is not believed any more. Without another key the body cannot "
            "ask. This key cannot be entered again."
        ),
        N_("Revoke the key; I answer for it"),
        _LEAVE,
    ),
    BodyAction.REVOKE_USER: (
        N_("Revoke the user?"),
        N_("Nobody can ask in this name any more. The user can be entered again."),
        N_("Revoke the user; I answer for it"),
        _LEAVE,
    ),
}
"""What is asked before, what it means, the button that does it and the one that does not."""
NOT_ANSWERED = {
    "known": N_("The register has a permit under this very number: look at it, and name it"),
    "unverified": N_("Nobody has reviewed this permit yet, so nothing may be told of it"),
    "answered": N_("Somebody has answered this search meanwhile"),
}


def ends_soon(last: date, today: date) -> bool:
    """Whether what holds until this day ends within a month: time to have it made anew."""
    return today <= last <= today + _SOON
