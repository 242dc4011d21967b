"""Outside bodies, for the governorate: their accounts, what was agreed, keys, users.

A keeper sees the bodies of his governorate and acts on them; auditors and the ministry see. Every
act is a form with the revision that its page showed, and what takes something away is asked on a
page of its own before it is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from portal.bodies import entering, keeping, labels, notices, overview, purposes, searching
from portal.bodies.entering import Agreed
from portal.bodies.keeping import BodyAction, Keeper, NotPossible
from portal.bodies.model import BodyKind, Purpose
from portal.bodies.overview import Whole
from portal.identity.roles import Permission, may
from portal.identity.sessions import StaffSession
from portal.jws import thumbprint
from portal.problems import N_, Conflict, Missing, Problem, Refused
from portal.web.http_forms import PostedForm
from portal.web.late import STALE, is_own
from portal.web.pages import redirect
from portal.web.routing import Access, get_page, post_files, post_form
from portal.web.visit import Visit

BASE = "/center/admin/bodies"
_NATIONAL = "EG"
_NEWS = 10
_NO_BODY = dict.fromkeys(entering.BODY_FIELDS, "")
_ENDING = {
    BodyAction.REVOKE: None,
    BodyAction.REOPEN: None,
    BodyAction.END_AGREEMENT: ("agreements", "purpose"),
    BodyAction.REVOKE_KEY: ("keys", "kid"),
    BodyAction.REVOKE_USER: ("users", "username"),
}
"""Acts that are asked before, of what they end one, and how that is called."""


@dataclass(frozen=True)
class Looker:
    """Who looks, at the bodies of which governorates (None: of all)."""

    session: StaffSession
    governorates: Sequence[str] | None

    def may(self, permission: Permission) -> bool:
        return may(self.session.role, permission)

    @property
    def keeps(self) -> bool:
        """Whether he may act: only in a governorate of his own."""
        return self.may(Permission.KEEP_BODIES) and self.governorates is not None


def looker(visit: Visit, db: Connection, *, keeps: bool = False) -> Looker:
    """Who has signed in; raises :class:`~portal.problems.Refused`."""
    session = visit.staff(db)
    found = Looker(session, None if session.scope == _NATIONAL else [session.scope])
    if not found.may(Permission.SEE_BODIES) or (keeps and not found.keeps):
        raise Refused(f"{session.role} may not with bodies")
    return found


def body_of(db: Connection, looking: Looker, code: str) -> Whole:
    """A body of the looker's governorate; any other is as missing as none."""
    found = overview.one(db, code)
    own = found and (
        looking.governorates is None or found.row.governorate_code in looking.governorates
    )
    if found is None or not own:
        raise Missing("body")
    return found


def _address(code: str, *more: str) -> str:
    return "/".join([BASE, code, *more])


@get_page(BASE, Access.STAFF)
def list_bodies(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Every body, what it may ask for, and how much it did."""
    portal = visit.portal
    with portal.database.read() as db:
        looking = looker(visit, db)
        found = overview.listed(db, looking.governorates, portal.clock.now())
        days = overview.by_day(db, [each.code for each in found], visit.today)
        searches = searching.pressing(db, _centers(visit, looking), visit.today)
    return portal.pages.page(
        visit,
        "bodies/list.html",
        bodies=found,
        days=days,
        late=[each for each in searches if each.late],
        keeps=looking.keeps,
        national=looking.governorates is None,
        names=portal.places,
        labels=labels,
    )


def _centers(visit: Visit, looking: Looker) -> list[str]:
    centers = visit.portal.places.centers.values()
    where = looking.governorates
    return [each.code for each in centers if where is None or each.governorate in where]


@get_page(f"{BASE}/new", Access.STAFF)
def show_new(visit: NamedDependency[Visit]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        looker(visit, db, keeps=True)
    return _new_page(visit, _NO_BODY)


def _new_page(
    visit: Visit, typed: Mapping[str, str], problems: Sequence[Problem] = (), status: int = 200
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit, "bodies/new.html", status, typed=typed, problems=problems, labels=labels
    )


@post_form(f"{BASE}/new", Access.STAFF)
def open_body(visit: NamedDependency[Visit], form: NamedDependency[PostedForm]) -> Response[bytes]:
    """Open the account of a body; it may nothing until something is agreed."""
    now = visit.portal.clock.now()
    typed = {name: form.text(name) for name in _NO_BODY}
    with visit.portal.database.begin() as db:
        session = looker(visit, db, keeps=True).session
        new, problems = entering.read_body(typed, session.scope)
        if not is_own(visit, form):
            problems = [Problem("", STALE)]
        if new is None or problems:
            return _new_page(visit, typed, problems, 422)
        try:
            keeping.open_body(db, new, session.username, now)
        except Conflict:
            text = N_("Another body has this code; choose another one")
            return _new_page(visit, typed, [Problem("code", text)], 409)
    return redirect(visit, _address(new.code))


@get_page(f"{BASE}/{{body_code:str}}", Access.STAFF)
def show_body(visit: NamedDependency[Visit], body_code: FromPath[str]) -> Response[bytes]:
    with visit.portal.database.read() as db:
        looking = looker(visit, db)
        return _body_page(visit, db, looking, body_of(db, looking, body_code))


def _body_page(
    visit: Visit,
    db: Connection,
    looking: Looker,
    body: Whole,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    row = body.row
    shown = {
        "per_minute": str(row.per_minute),
        "webhook_url": row.webhook_url,
        "reason": "",
        "key": "",
        "key_until": entering.longest_key_day(visit.today).isoformat(),
        "username": "",
        **(typed or {}),
    }
    return visit.portal.pages.page(
        visit,
        "bodies/show.html",
        status,
        body=body,
        row=row,
        keeps=looking.keeps and row.revoked_at is None,
        reopens=looking.keeps and row.revoked_at is not None,
        possible=_possible(row.kind),
        days=overview.by_day(db, [body.code], visit.today),
        names=visit.portal.places,
        labels=labels,
        thumbprint=thumbprint,
        way=next(iter(notices.standing(db, [body.code])), None),
        news=notices.newest(db, body.code, _NEWS),
        typed=shown,
        problems=problems,
    )


def _possible(kind: str) -> list[Purpose]:
    """What may be agreed with a body of this kind, in the order of the purposes."""
    return [purpose for purpose in Purpose if purpose in purposes.PURPOSES[BodyKind(kind)]]


def _do(
    visit: Visit,
    form: PostedForm,
    code: str,
    again: Callable[[Connection, Looker, Whole, list[Problem], int], Response[bytes]],
    act: Callable[[Connection, Keeper], None],
    problems: Sequence[Problem] = (),
    field: str = "",
) -> Response[bytes]:
    """One act on a body, or the page ``again`` with all that is wrong and nothing changed."""
    found = list(problems)
    status = 422
    with visit.portal.database.read() as db:
        looking = looker(visit, db, keeps=True)
        body_of(db, looking, code)
    if not is_own(visit, form):
        found = [Problem("", STALE)]
    if not found:
        keeper = Keeper(code, _revision(form), looking.session.username, visit.portal.clock.now())
        try:
            with visit.portal.database.begin() as db:
                act(db, keeper)
        except NotPossible as error:
            found, status = [_problem(error, field)], 409
        else:
            return redirect(visit, _address(code))
    with visit.portal.database.read() as db:
        return again(db, looking, body_of(db, looking, code), found, status)


def _problem(error: NotPossible, field: str) -> Problem:
    about_all = error.reason in {"changed", "closed", "not_closed"}
    return Problem("" if about_all else field, labels.REFUSALS[error.reason])


def _revision(form: PostedForm) -> int:
    typed = form.text("revision")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1


@post_form(f"{BASE}/{{body_code:str}}/change", Access.STAFF)
def change(
    visit: NamedDependency[Visit], body_code: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Another pace, another address for news."""
    typed = {name: form.text(name) for name in entering.CHANGE_FIELDS}
    loopback = visit.portal.settings.webhooks_loopback
    new, problems = entering.read_change(typed, loopback=loopback)

    def act(db: Connection, keeper: Keeper) -> None:
        if new is not None:
            keeping.change(db, keeper, new.per_minute, new.webhook_url, new.reason)

    return _do(visit, form, body_code, _showing(visit, typed), act, problems)


def _showing(visit: Visit, typed: Mapping[str, str]) -> Callable[..., Response[bytes]]:
    def again(
        db: Connection, looking: Looker, body: Whole, problems: list[Problem], status: int
    ) -> Response[bytes]:
        return _body_page(visit, db, looking, body, typed, problems, status)

    return again


@post_form(f"{BASE}/{{body_code:str}}/ping", Access.STAFF)
def ping(
    visit: NamedDependency[Visit], body_code: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Send a notice that says nothing, to see whether the way is open."""
    with visit.portal.database.begin() as db:
        body = body_of(db, looker(visit, db, keeps=True), body_code)
        visit.check_form(form)
        notices.ping(db, body.code, visit.portal.clock.now())
    return redirect(visit, _address(body.code))


@post_files(f"{BASE}/{{body_code:str}}/keys", Access.STAFF)
def add_key(
    visit: NamedDependency[Visit],
    body_code: FromPath[str],
    upload_form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Enter a public key, pasted or as a file."""
    pasted, until = upload_form.text("key"), upload_form.text("key_until")
    given = _uploaded(upload_form) or pasted
    new, problems = entering.read_key(given, until, visit.today)
    # a private key is shown to nobody once more
    hidden = any(each.field == "key" for each in problems)
    typed = {"key": "" if hidden else pasted, "key_until": until}

    def act(db: Connection, keeper: Keeper) -> None:
        if new is not None:
            keeping.add_key(db, keeper, new)

    return _do(visit, upload_form, body_code, _showing(visit, typed), act, problems, "key")


def _uploaded(form: PostedForm) -> str:
    """The text of the file that was chosen, if one was; too long a one is cut and so no key."""
    if not form.files:
        return ""
    with form.files[0].path.open("rb") as file:
        return file.read(entering.LONGEST_KEY + 1).decode("utf-8", "replace")


@post_form(f"{BASE}/{{body_code:str}}/users", Access.STAFF)
def add_user(
    visit: NamedDependency[Visit], body_code: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Enter a user of the body, by the name that it gives him."""
    typed = {"username": form.text("username")}
    name, problems = entering.read_username(typed["username"])

    def act(db: Connection, keeper: Keeper) -> None:
        keeping.add_user(db, keeper, name)

    return _do(visit, form, body_code, _showing(visit, typed), act, problems, "username")


# --- an agreement


@get_page(f"{BASE}/{{body_code:str}}/agree/{{purpose_code:str}}", Access.STAFF)
def show_agreement(
    visit: NamedDependency[Visit], body_code: FromPath[str], purpose_code: FromPath[str]
) -> Response[bytes]:
    """What is to be agreed for a purpose; what stands is there already."""
    with visit.portal.database.read() as db:
        body = body_of(db, looker(visit, db, keeps=True), body_code)
        purpose = _purpose(body, purpose_code)
        return _agreement_page(visit, body, purpose, _as_agreed(body, purpose))


def _purpose(body: Whole, code: str) -> Purpose:
    found = next((each for each in _possible(body.row.kind) if each == code), None)
    if found is None:
        raise Missing("purpose")
    return found


def _as_agreed(body: Whole, purpose: Purpose) -> Agreed:
    known = body.standing(purpose)
    if known is None:
        every = purposes.fields_of(BodyKind(body.row.kind), purpose)
        return Agreed(every, "", "", batches=False, notices=False)
    until = known.valid_until.isoformat()
    return Agreed(known.fields, known.letter, until, known.batches, known.notices)


def _agreement_page(
    visit: Visit,
    body: Whole,
    purpose: Purpose,
    typed: Agreed,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "bodies/agree.html",
        status,
        body=body,
        purpose=purpose,
        fields=purposes.fields_of(BodyKind(body.row.kind), purpose),
        typed=typed,
        problems=problems,
        labels=labels,
    )


@post_form(f"{BASE}/{{body_code:str}}/agree/{{purpose_code:str}}", Access.STAFF)
def agree(
    visit: NamedDependency[Visit],
    body_code: FromPath[str],
    purpose_code: FromPath[str],
    form: NamedDependency[PostedForm],
) -> Response[bytes]:
    """Agree; what was agreed for the purpose before ends with it."""
    with visit.portal.database.read() as db:
        body = body_of(db, looker(visit, db, keeps=True), body_code)
    purpose = _purpose(body, purpose_code)
    typed = Agreed(
        form.all("fields"),
        form.text("letter"),
        form.text("valid_until"),
        form.text("batches") == "yes",
        form.text("notices") == "yes",
    )
    kind = BodyKind(body.row.kind)
    new, problems = entering.read_agreement(kind, purpose, typed, visit.today)

    def act(db: Connection, keeper: Keeper) -> None:
        if new is not None:
            keeping.agree(db, keeper, new)

    def again(
        _: Connection, __: Looker, body: Whole, problems: list[Problem], status: int
    ) -> Response[bytes]:
        return _agreement_page(visit, body, purpose, typed, problems, status)

    return _do(visit, form, body_code, again, act, problems)


# --- what takes something away, or gives all back


@get_page(f"{BASE}/{{body_code:str}}/end", Access.STAFF)
def show_ending(
    visit: NamedDependency[Visit],
    body_code: FromPath[str],
    act: FromQuery[str] = "",
    of: FromQuery[str] = "",
) -> Response[bytes]:
    """What it means to revoke this, before it is done."""
    with visit.portal.database.read() as db:
        body = body_of(db, looker(visit, db, keeps=True), body_code)
        return _ending_page(visit, body, _ending(body, act, of), of)


def _ending(body: Whole, act: str, of: str) -> BodyAction:
    """The act; raises :class:`~portal.problems.Missing` when there is nothing that it could end."""
    action = next((each for each in _ENDING if each == act), None)
    if action is None:
        raise Missing("act")
    among = _ENDING[action]
    known = [""] if among is None else [getattr(each, among[1]) for each in _all(body, among[0])]
    if of not in known:
        raise Missing("subject")
    return action


def _all(body: Whole, among: str) -> Sequence[Any]:
    rows: Sequence[Any] = getattr(body, among)
    return rows


def _ending_page(
    visit: Visit,
    body: Whole,
    action: BodyAction,
    of: str,
    typed: str = "",
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response[bytes]:
    return visit.portal.pages.page(
        visit,
        "bodies/end.html",
        status,
        body=body,
        act=action,
        of=of,
        typed=typed,
        problems=problems,
        labels=labels,
    )


@post_form(f"{BASE}/{{body_code:str}}/end", Access.STAFF)
def end(
    visit: NamedDependency[Visit], body_code: FromPath[str], form: NamedDependency[PostedForm]
) -> Response[bytes]:
    """Revoke it, for a reason."""
    of, given = form.text("of"), form.text("reason")
    with visit.portal.database.read() as db:
        body = body_of(db, looker(visit, db, keeps=True), body_code)
    action = _ending(body, form.text("act"), of)
    reason, problems = entering.read_reason(given)

    def act(db: Connection, keeper: Keeper) -> None:
        if action is BodyAction.REVOKE:
            keeping.revoke(db, keeper, reason)
        elif action is BodyAction.REOPEN:
            keeping.reopen(db, keeper, reason)
        elif action is BodyAction.END_AGREEMENT:
            keeping.end_agreement(db, keeper, of, reason)
        elif action is BodyAction.REVOKE_KEY:
            keeping.revoke_key(db, keeper, of, reason)
        else:
            keeping.revoke_user(db, keeper, of, reason)

    def again(
        _: Connection, __: Looker, body: Whole, problems: list[Problem], status: int
    ) -> Response[bytes]:
        return _ending_page(visit, body, action, of, given, problems, status)

    return _do(visit, form, body_code, again, act, problems)


HANDLERS = [
    list_bodies,
    show_new,
    open_body,
    show_body,
    change,
    ping,
    add_key,
    add_user,
    show_agreement,
    agree,
    show_ending,
    end,
]
