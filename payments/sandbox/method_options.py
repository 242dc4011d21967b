"""``payment_method_options``: what a shop asks of one method.

https://docs.stripe.com/api/payment_intents/create#create_payment_intent-payment_method_options
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from payments.sandbox.errors import ApiError, Json, invalid
from payments.sandbox.params import Params

DAY = 24 * 3600

SECURE = ("any", "automatic", "challenge")
LATER = ("none", "off_session", "on_session")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a voucher may be asked to live, in days."""

    shortest: int
    longest: int
    default: int
    zone: str | None = None
    """Vouchers of a zone end with their last day there; others to the second."""


LIFETIMES: Mapping[str, Lifetime] = {
    "kiosk": Lifetime(1, 30, 7),
    "oxxo": Lifetime(1, 7, 3, "America/Mexico_City"),
    "boleto": Lifetime(0, 60, 3, "America/Sao_Paulo"),
    "konbini": Lifetime(1, 60, 3, "Asia/Tokyo"),
}

EXACT = ("kiosk", "konbini")
"""These take the instant itself, too."""


def defaults(kind: str) -> Json:
    if kind == "card":
        return {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    if kind in LIFETIMES:
        known: Json = {"expires_after_days": LIFETIMES[kind].default}
        return {**known, "expires_at": None} if kind in EXACT else known
    return {}


def read(params: Params, types: list[str], now: int, old: Json | None = None) -> Json:
    """The options of all ``types``: those given, over the ``old`` ones or the defaults."""
    given = params.child("payment_method_options")
    found = {kind: {**defaults(kind), **(old or {}).get(kind, {})} for kind in types}
    for kind in (*LIFETIMES, "card", "sepa_debit", "wallet"):
        options = given.child(kind) if given else None
        if options is not None:
            found[kind] = {**defaults(kind), **found.get(kind, {}), **_read(kind, options, now)}
    return found


def _read(kind: str, options: Params, now: int) -> Json:
    later = options.choice("setup_future_usage", LATER)
    chosen: Json = {"setup_future_usage": later} if later else {}
    if kind == "card":
        if capture := options.choice("capture_method", ("manual",)):
            chosen["capture_method"] = capture
        if network := options.text("network"):
            chosen["network"] = network
        if secure := options.choice("request_three_d_secure", SECURE):
            chosen["request_three_d_secure"] = secure
        return chosen
    if kind == "sepa_debit":
        options.child("mandate_options")
        return chosen
    if kind == "konbini":
        options.text("product_description", 22)
        if number := options.text("confirmation_number", 11):
            chosen["confirmation_number"] = number
    return chosen | _lifetime(kind, options, now) if kind in LIFETIMES else chosen


def _lifetime(kind: str, options: Params, now: int) -> Json:
    known = LIFETIMES[kind]
    days = options.integer("expires_after_days")
    if days is not None and not known.shortest <= days <= known.longest:
        raise invalid(
            options.name("expires_after_days"),
            f"must be between {known.shortest} and {known.longest}",
        )
    if kind not in EXACT:
        return {} if days is None else {"expires_after_days": days}
    at = options.integer("expires_at")
    if at is not None and days is not None:
        raise ApiError(
            "Only one of expires_after_days and expires_at can be given.",
            param=options.name("expires_at"),
        )
    if at is not None:
        if not now < at <= now + (known.longest + 1) * DAY:
            raise invalid(options.name("expires_at"), f"must be in the next {known.longest} days")
        return {"expires_at": at, "expires_after_days": None}
    return {} if days is None else {"expires_after_days": days, "expires_at": None}


def expiry(kind: str, options: Json, now: int) -> int:
    """When a voucher that is given now ends."""
    if at := options.get("expires_at"):
        return int(at)
    known = LIFETIMES[kind]
    days = options.get("expires_after_days")
    days = known.default if days is None else int(days)
    if known.zone is None:
        return now + days * DAY
    zone = ZoneInfo(known.zone)
    last = datetime.fromtimestamp(now, UTC).astimezone(zone).date() + timedelta(days=days)
    return int(datetime.combine(last, time(23, 59, 59), zone).timestamp())
