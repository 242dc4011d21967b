"""Lists and their pages: https://docs.stripe.com/api/pagination."""

from collections.abc import Sequence

from payments.sandbox.errors import ApiError, Json, no_such
from payments.sandbox.objects import OBJECT_ID, Call
from payments.sandbox.params import Range
from payments.sandbox.presenting import present
from payments.sandbox.store import Transaction, Value

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

Filter = tuple[str, Sequence[Value]]
"""An SQL condition, this program's own text, and its values."""


def page(call: Call, kind: str, url: str, filters: Sequence[Filter] = ()) -> Json:
    """The account's objects, newest first, as far as the filters and cursors reach."""
    limit, after, before = _cursors(call)
    conditions = ["kind = ?"]
    values: list[Value] = [kind]
    for condition, given in filters:
        conditions.append(condition)
        values.extend(given)
    order = "seq DESC"
    if after is not None:
        conditions.append("seq < ?")
        values.append(_position(call.tx, kind, after, "starting_after"))
    elif before is not None:
        conditions.append("seq > ?")
        values.append(_position(call.tx, kind, before, "ending_before"))
        order = "seq ASC"
    found = call.tx.select(" AND ".join(conditions), values, order=order, limit=limit + 1)
    chosen = found[:limit]
    if before is not None:
        chosen.reverse()
    return listed([present(call.tx, record) for record in chosen], url, more=len(found) > limit)


def page_of(call: Call, items: Sequence[Json], url: str) -> Json:
    """A page of a list that is kept inside another object, in its own order."""
    limit, after, before = _cursors(call)
    ids = [str(item["id"]) for item in items]
    rest = list(items)
    if after is not None:
        rest = rest[_index(ids, after, "starting_after") + 1 :]
    elif before is not None:
        rest = rest[: _index(ids, before, "ending_before")]
        return listed(rest[-limit:], url, more=len(rest) > limit)
    return listed(rest[:limit], url, more=len(rest) > limit)


def listed(data: Sequence[Json], url: str, *, more: bool) -> Json:
    return {"object": "list", "data": list(data), "has_more": more, "url": url}


def within(column: str, bounds: Range) -> list[Filter]:
    """One condition per bound of a filter on an instant."""
    return [(f"{column} {sign} ?", (number,)) for sign, number in bounds.comparisons]


def _cursors(call: Call) -> tuple[int, str | None, str | None]:
    params = call.params
    limit = params.integer("limit", low=1, high=MAX_LIMIT) or DEFAULT_LIMIT
    after = params.text("starting_after")
    before = params.text("ending_before")
    if after is not None and before is not None:
        raise ApiError(
            "Received both starting_after and ending_before parameters. Please pass in only one."
        )
    return limit, after, before


def _position(tx: Transaction, kind: str, object_id: str, param: str) -> int:
    position = tx.position(kind, object_id) if OBJECT_ID.match(object_id) else None
    if position is None:
        raise no_such(kind, object_id, param=param, status=400)
    return position


def _index(ids: Sequence[str], object_id: str, param: str) -> int:
    if object_id not in ids:
        raise no_such("line item", object_id, param=param, status=400)
    return ids.index(object_id)
