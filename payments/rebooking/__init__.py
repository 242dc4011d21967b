"""Money that stands where it cannot stay, put where it belongs: by two people, in one entry.

A case (:mod:`payments.cases`) tells of a payment that did not fit, of money that nobody owed, of a
refund that was made without us, or of a dispute that was lost. What may be done about each kind is
decided here, and nowhere else:

- a payment that does not fit, or that was not owed, **goes to a request**: it pays what that
  request owes, and what is beyond that is surplus of it;
- what could not go back by the means that paid is **paid out** by a payment order;
- what a bank has kept, or what went back without us, is **borne** by those who had got it, each by
  the part that it got; or it was **the deposit** that went back.

A payment goes to a request whole, or not at all. Every entry is of today: a closed day stays.
"""

from payments.rebooking.deciding import Unbookable, approve, fits, propose, reject
from payments.rebooking.matter import (
    KINDS,
    OF_FEES,
    Choice,
    Matter,
    Taken,
    Target,
    Why,
    matter_of,
    stays,
    target_of,
)
from payments.rebooking.reading import (
    LONGEST_NOTE,
    Proposal,
    State,
    by_ids,
    find,
    lines_of,
    of_case,
    proposed_of,
)

__all__ = [
    "KINDS",
    "LONGEST_NOTE",
    "OF_FEES",
    "Choice",
    "Matter",
    "Proposal",
    "State",
    "Taken",
    "Target",
    "Unbookable",
    "Why",
    "approve",
    "by_ids",
    "find",
    "fits",
    "lines_of",
    "matter_of",
    "of_case",
    "propose",
    "proposed_of",
    "reject",
    "stays",
    "target_of",
]
