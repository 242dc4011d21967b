"""What the finance page calls things: rows of the three-way table, accounts, cases."""

from dataclasses import dataclass

from portal.problems import N_


@dataclass(frozen=True)
class CaseText:
    """What a case is about, and what to do."""

    label: str
    todo: str


ROWS = {
    "payment": N_("Payments"),
    "fee": N_("Fees of the provider"),
    "refund": N_("Refunds"),
    "dispute": N_("Taken back by banks"),
    "payout": N_("Payouts to the treasury"),
    "other": N_("Other movements"),
}

ACCOUNTS = {
    "revenue": N_("Revenue"),
    "refundable": N_("Deposits"),
    "surplus": N_("Paid, and not owed"),
    "suspense": N_("Payment that does not fit"),
    "dispute_hold": N_("Taken back by banks"),
    "treasury_settled": N_("Paid out by a payment order"),
    "payout": N_("Payouts to the treasury"),
    "unmatched": N_("Not explained by the ledger"),
}

_ASK_PROVIDER = N_("Ask the provider about it, and write down the answer")
_ASK_BANK = N_("Ask the bank about the payout")
CASES = {
    "dispute": CaseText(
        N_("Disputed by the payer's bank"), N_("Answer it at the provider before its time is over")
    ),
    "reconcile_missing_in_ledger": CaseText(
        N_("The provider has money that we know nothing of"),
        N_("Find out at the provider who paid and for what"),
    ),
    "reconcile_missing_at_provider": CaseText(
        N_("We booked money that the provider does not have"),
        N_("Find out how the entry came about; it is corrected by a new one"),
    ),
    "reconcile_amount": CaseText(N_("Provider and ledger name different sums"), _ASK_PROVIDER),
    "reconcile_fee": CaseText(N_("The provider kept another fee"), _ASK_PROVIDER),
    "reconcile_duplicate": CaseText(
        N_("The same money stands twice on one side"),
        N_("If the payer was charged twice, give one back"),
    ),
    "reconcile_currency": CaseText(
        N_("Provider and ledger name different currencies"), _ASK_PROVIDER
    ),
    "reconcile_payout_missing": CaseText(N_("A payout has not arrived at the treasury"), _ASK_BANK),
    "reconcile_payout_amount": CaseText(N_("The treasury received another sum"), _ASK_BANK),
    "reconcile_payout_currency": CaseText(N_("A payout arrived in another currency"), _ASK_BANK),
    "reconcile_payout_duplicate": CaseText(
        N_("The treasury's statement has a payout twice"),
        N_("Ask the treasury which line is right"),
    ),
    "reconcile_payout_unknown": CaseText(
        N_("The treasury's statement names a payout that was never made"),
        N_("Look whether its number is mistyped, else ask the treasury"),
    ),
}

NOT_CLOSABLE = {
    "unknown": N_("This day has not been compared since it ended. Compare it first"),
    "closed": N_("This day is closed already"),
    "before": N_("Nothing is compared before the first payment, nor before a day that is closed"),
    "early": N_("A day can be closed three hours after it has ended"),
    "order": N_("An earlier day is still open. Days are closed one after the other"),
    "changed": N_("The day was compared again meanwhile. Look at it once more"),
    "note": N_("Write what is known of the differences"),
}
