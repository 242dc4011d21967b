"""Outside bodies ask about building permits: tokens, questions, answers, and every refusal."""

import gzip
import hmac
import json
import runpy
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import func, select, update

from portal.bodies import accounts
from portal.bodies.answering import Answered
from portal.bodies.buckets import Buckets
from portal.bodies.model import (
    BodyAgreement,
    BodyInquiry,
    BodyKey,
    BodyKind,
    BodyUser,
    BodyWatch,
    OutsideBody,
    Purpose,
)
from portal.bodies.purposes import FIELDS, fields_of
from portal.clock import SettableClock, cairo_day
from portal.demo.bodies import code_of
from portal.demo.permits import OWNED_AT, OWNER_ID
from portal.permits import owning, reading, registry
from portal.permits.model import BuildingPermit
from portal.permits.numbers import PermitNumber
from portal.permits.reading import Permit
from portal.permits.registry import NewPermit
from portal.permits.validity import Status
from portal.problems import Conflict, Missing
from tests.support.bodies import INQUIRIES, USER, BodySystem, encoded, open_body
from tests.support.local import LocalPortal
from tests.support.plain import PLAIN

CENTER, ELSEWHERE = "KFS-003", "C-001"
SIGN = "serial"


@pytest.fixture(scope="module")
def body(still: LocalPortal) -> BodySystem:
    """A water company."""
    return open_body(still)


@pytest.fixture
def fresh(still: LocalPortal) -> Callable[..., BodySystem]:
    return lambda *kinds, **more: open_body(still, *kinds, **more)


def permits(local: LocalPortal, center: str = CENTER) -> list[Permit]:
    """All of a center, however many other tests have entered."""
    with local.portal.database.read() as db:
        listed = reading.listed(db, center, most=5000)
        found = reading.by_ids(db, local.portal.vault, [each.id for each in listed])
    return [found[each.id] for each in listed]


def permit_of(local: LocalPortal, status: str) -> Permit:
    return next(each for each in permits(local) if each.row["status"] == status)


def asked(permit: Permit) -> dict[str, Any]:
    return {"center": permit.center_code, "number": permit.number.canonical}


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = dict(answer.json())
    assert told["type"].endswith(f"/api/docs#problem-{kind}")
    return told


def places_of(told: dict[str, Any]) -> set[str]:
    return {next(v for k, v in each.items() if k != "detail") for each in told["errors"]}


# --- a client made with an unmodified library ---


def test_authlib_gets_a_token_asks_and_proves_the_answer(still: LocalPortal) -> None:
    """The example is the whole client; its OAuth is Authlib's as it comes."""
    example = runpy.run_path("examples/body.py")
    key = ECKey.import_key(json.loads(Path("examples/body.demo-key.json").read_text("utf-8")))
    code, permit = code_of(BodyKind.WATER), permit_of(still, "under_execution")
    with closing(example["connect"](still.url, code, key)) as client:
        question = {"user": USER, "reference": "EXAMPLE-1", **asked(permit)}
        inquiry = example["ask"](client, still.url, question)
        proven = example["proven"](client, still.url, code, inquiry["signed"])
        again = client.get(f"{still.url}{INQUIRIES}/{inquiry['id']}").json()
    assert proven == inquiry["answer"] == again["answer"]
    assert proven["class"] == "confirmed"
    assert proven["fields"]["status"] == "under_execution"
    assert proven["reference"] == "EXAMPLE-1"


def test_production_would_not_start_with_the_demos_key(still: LocalPortal) -> None:
    with still.portal.database.engine.connect() as db, db.begin() as undone:
        assert accounts.has_demo_keys(db)
        db.execute(update(BodyKey).values(revoked_at=still.clock.now()))
        assert not accounts.has_demo_keys(db)
        undone.rollback()


# --- tokens ---


def test_a_token_says_for_whom_and_for_what_it_is_and_lives_for_ten_minutes(
    body: BodySystem,
) -> None:
    answer = body.ask_token(scope="permits:connection")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    keys = KeySet.import_key_set(
        httpx.get(f"{body.url}/.well-known/jwks.json", trust_env=False, verify=PLAIN).json()
    )
    read = jws.deserialize_compact(told["access_token"], keys, algorithms=["ES256"])
    claims = json.loads(read.payload)
    assert read.protected["typ"] == "at+jwt"
    assert claims["iss"] == body.url
    assert claims["sub"] == claims["client_id"] == body.code
    assert claims["aud"] == f"{body.url}/api/v1"
    assert claims["scope"] == told["scope"] == "permits:connection"
    assert claims["exp"] - claims["iat"] == 600


def test_a_client_finds_out_by_itself_where_tokens_are(body: BodySystem) -> None:
    address = f"{body.url}/.well-known/oauth-authorization-server"
    told = httpx.get(address, trust_env=False, verify=PLAIN).json()
    assert told["issuer"] == body.url
    assert told["token_endpoint"] == body.endpoint
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["ES256"]


@pytest.mark.parametrize(
    "header",
    [{"kid": None}, {"typ": "JWT"}, {"typ": "client-authentication+jwt"}, {"x5t": "0"}],
    ids=["no kid", "JWT", "typed", "more"],
)
def test_headers_of_other_libraries_are_taken(body: BodySystem, header: dict[str, Any]) -> None:
    assert body.ask_token(body.assertion(header=header)).status_code == 200


@pytest.mark.parametrize("audience", ["issuer", "endpoint", "list"])
def test_the_audience_is_the_issuer_or_the_endpoint(body: BodySystem, audience: str) -> None:
    named = {"issuer": body.url, "endpoint": body.endpoint, "list": [body.endpoint]}[audience]
    assert body.ask_token(body.assertion(body.claims(aud=named))).status_code == 200


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "kfs-water"},
    "another subject": {"sub": "kfs-water"},
    "no subject": {"sub": None},
    "for another server": {"aud": "https://elsewhere.example/token"},
    "for nobody": {"aud": []},
    "no audience": {"aud": None},
    "an audience that is no text": {"aud": {"a": 1}},
    "audiences that are no texts": {"aud": [{"a": 1}, ["b"], None]},
    "made at no time": {"iat": "today"},
    "expired": {"exp": 1_700_000_000},
    "no end": {"exp": None},
    "the end is no number": {"exp": "tomorrow"},
    "the end is true": {"exp": True},
    "the end is beyond all clocks": {"exp": 1e300},
    "ends next year": {"exp": 1_900_000_000},
    "not yet": {"nbf": 1_900_000_000},
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a jti that is a number": {"jti": 7},
    "a NUL in the issuer": {"iss": "a\0", "sub": "a\0"},
    "a lone surrogate": {"jti": "\ud800"},
}


@pytest.mark.parametrize("case", WRONG_CLAIMS)
def test_an_assertion_that_says_something_else_gets_nothing(body: BodySystem, case: str) -> None:
    answer = body.ask_token(body.assertion(body.claims(**WRONG_CLAIMS[case])))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["cache-control"] == "no-store"


def _hmac(body: BodySystem) -> str:
    """The public key taken for a secret: the oldest trick."""
    said, _, _ = body.assertion(header={"alg": "HS256"}).rpartition(".")
    secret = body.key.as_pem(private=False)
    return f"{said}.{encoded(hmac.digest(secret, said.encode(), 'sha256'))}"


def _unsigned(body: BodySystem) -> str:
    claims = body.assertion().split(".")[1]
    header = encoded(b'{"alg":"none"}')
    return f"{header}.{claims}."


UNPROVEN: dict[str, Callable[[BodySystem], str]] = {
    "another key": lambda body: body.assertion(key=ECKey.generate_key("P-256")),
    "an unknown kid": lambda body: body.assertion(header={"kid": "other"}),
    "a kid that is a path": lambda body: body.assertion(header={"kid": "../k1"}),
    "RS256": lambda body: body.assertion(header={"alg": "RS256"}),
    "HS256 with the public key": _hmac,
    "none": _unsigned,
    "something critical": lambda body: body.assertion(header={"crit": ["x"], "x": 1}),
    "an access token": lambda body: body.token(),
    "a changed signature": lambda body: body.assertion()[:-4] + "AAAA",
    "no JWT": lambda body: "e30",
    "a long one": lambda body: body.assertion(body.claims(more="x" * 5000)),
    "no object": lambda body: body.signed({"alg": "ES256"}, "[]"),
    "a claim twice": lambda body: body.signed({"alg": "ES256"}, '{"iss":"a","iss":"b"}'),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_an_assertion_that_proves_nothing_gets_nothing(body: BodySystem, case: str) -> None:
    answer = body.ask_token(UNPROVEN[case](body))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text


def test_an_assertion_counts_once(body: BodySystem) -> None:
    assertion = body.assertion()
    assert body.ask_token(assertion).status_code == 200
    again = body.ask_token(assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert "jti" in again.json()["error_description"]


def test_a_form_that_is_none_is_told_in_the_words_of_oauth(body: BodySystem) -> None:
    def error(**more: Any) -> str:
        answer = httpx.post(body.endpoint, trust_env=False, verify=PLAIN, **more)
        assert answer.status_code in {400, 401}
        assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)
        return str(answer.json()["error"])

    assertion = body.assertion()
    kind = "application/x-www-form-urlencoded"
    assert error(json={"grant_type": "client_credentials"}) == "invalid_request"
    assert error(data={}) == "invalid_request"
    assert error(data={"grant_type": "password"}) == "unsupported_grant_type"
    assert error(data={"grant_type": "client_credentials"}) == "invalid_client"
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    assert error(content=twice, headers={"content-type": kind}) == "invalid_request"
    assert error(content=b"grant_type=%ff", headers={"content-type": kind}) == "invalid_request"
    assert error(content=b"a" * 20_000, headers={"content-type": kind}) == "invalid_request"
    form = {"grant_type": "client_credentials", "client_assertion": assertion}
    assert error(data={**form, "client_assertion_type": "saml2"}) == "invalid_client"
    assert error(data={**form, "client_id": "kfs-water"}) == "invalid_client"


@pytest.mark.parametrize(
    "scope", ["permits:valuation", "permits:connection permits:valuation", "*"]
)
def test_no_more_scope_is_given_than_was_agreed(body: BodySystem, scope: str) -> None:
    answer = body.ask_token(scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


# --- revoking acts at once, on tokens that were given before ---


def _revoked(db: Any, table: Any, code: str, at: Any) -> None:
    column = table.code if table is OutsideBody else table.body_code
    db.execute(update(table).where(column == code).values(revoked_at=at))


@pytest.mark.parametrize(
    ("table", "status", "kind", "error"),
    [
        (OutsideBody, 401, "bad_token", "invalid_client"),
        (BodyKey, 401, "bad_token", "invalid_client"),
        (BodyAgreement, 403, "not_agreed", "invalid_scope"),
        (BodyUser, 403, "unknown_user", ""),
    ],
)
def test_what_is_revoked_ends_at_once(
    still: LocalPortal,
    fresh: Callable[..., BodySystem],
    table: Any,
    status: int,
    kind: str,
    error: str,
) -> None:
    body, permit = fresh(), permits(still)[0]
    assert body.ask(**asked(permit)).status_code == 201
    with still.portal.database.begin() as db:
        _revoked(db, table, body.code, still.clock.now())
    problem(body.ask(**asked(permit)), status, kind)
    assert body.ask_token().json().get("error", "") == error


def test_a_key_ends_with_its_last_day_and_so_does_every_token_of_it(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body, permit = fresh(), permits(still)[0]
    assert body.ask(**asked(permit)).status_code == 201
    with still.portal.database.begin() as db:
        own = update(BodyKey).where(BodyKey.body_code == body.code)
        assert db.scalar(select(BodyKey.used_at).where(BodyKey.body_code == body.code))
        db.execute(own.values(valid_until=cairo_day(still.clock.now()) - timedelta(days=1)))
    problem(body.ask(**asked(permit)), 401, "bad_token")
    assert body.ask_token().json()["error"] == "invalid_client"


def test_an_agreement_ends_with_its_last_day(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body, permit, today = fresh(), permits(still)[0], cairo_day(still.clock.now())
    for day, status in ((today, 201), (today - timedelta(days=1), 403)):
        with still.portal.database.begin() as db:
            db.execute(
                update(BodyAgreement)
                .where(BodyAgreement.body_code == body.code)
                .values(valid_until=day)
            )
        assert body.ask(**asked(permit)).status_code == status


@pytest.mark.parametrize("token", ["", "e30", "assertion", "answer", "changed"])
def test_what_is_no_token_opens_nothing(still: LocalPortal, body: BodySystem, token: str) -> None:
    permit = permits(still)[0]
    if token == "assertion":
        token = body.assertion()
    elif token == "answer":
        token = body.ask(**asked(permit)).json()["signed"]
    elif token == "changed":
        token = body.token()[:-6] + "AAAAAA"
    kind = "bad_token" if token else "no_token"
    for answer in (
        body.ask(**asked(permit), token=token),
        body.send("GET", INQUIRIES, token=token),
        body.send("GET", f"{INQUIRIES}/{'0' * 20}", token=token),
    ):
        problem(answer, 401, kind)
        assert answer.headers["www-authenticate"].startswith("Bearer")


# --- questions and answers ---


WAYS: dict[str, Callable[[Permit], dict[str, Any]]] = {
    "canonical": asked,
    "Arabic digits": lambda p: {
        "center": CENTER,
        "number": f"{p.number.number}/{p.number.letter} لسنة {p.number.year}".translate(
            str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
        ),
    },
    "parts": lambda p: {
        "center": CENTER,
        "number": {"number": p.number.number, "letter": p.number.letter, "year": p.number.year},
    },
    "the sign": lambda p: {"serial": p.row[SIGN]},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_permit_is_found_by_each_of_its_names(
    still: LocalPortal, body: BodySystem, way: str
) -> None:
    permit = permit_of(still, "occupied")
    answer = body.ask(**WAYS[way](permit))
    assert answer.status_code == 201, answer.text
    told = answer.json()["answer"]
    assert told["permit"] == {"center": CENTER, "number": permit.number.canonical}
    occupied = permit.row["occupied_on"].isoformat()
    assert told["fields"]["occupancy"] == {"deposited": True, "on": occupied}
    assert answer.headers["location"] == f"{still.url}{INQUIRIES}/{answer.json()['id']}"


STATES = {
    "valid_not_started": ("confirmed", []),
    "under_execution": ("confirmed", []),
    "suspended": ("confirmed_with_remarks", ["suspended"]),
    "revoked": ("confirmed_with_remarks", ["ended"]),
    "lapsed": ("confirmed_with_remarks", ["ended"]),
}


@pytest.mark.parametrize("status", STATES)
def test_the_class_says_whether_there_is_something_to_read(
    still: LocalPortal, body: BodySystem, status: str
) -> None:
    kind, remarks = STATES[status]
    found = next(
        p
        for p in permits(still)
        if p.row["status"] == status
        and p.row["permit_type"] != "demolition"
        and not p.row["start_disputed"]
        and (
            status != "valid_not_started" or p.row["must_start_by"] >= cairo_day(still.clock.now())
        )
    )
    told = body.ask(**asked(found)).json()
    assert (told["class"], told["answer"]["remarks"]) == (kind, remarks)
    assert told["answer"]["revision"] == found.row["revision"]


def test_what_may_stand_in_a_paper_book_is_searched_for_five_working_days(
    still: LocalPortal, body: BodySystem
) -> None:
    unreviewed = permit_of(still, "manual_unverified")
    missing = {"center": CENTER, "number": "999001/1987"}
    for question in (asked(unreviewed), missing):
        told = body.ask(**question).json()["answer"]
        assert told["class"] == "needs_manual_search"
        assert (told["permit"], told["fields"], told["unknown"]) == (None, {}, [])
        days = (date.fromisoformat(told["search_due"]) - cairo_day(still.clock.now())).days
        assert 5 <= days <= 20


def test_after_the_search_the_same_number_has_its_final_answer(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    portal, clock, system = still.portal, still.clock, fresh(notices=True)
    entered = PermitNumber(999_100 + len(permits(still)), "", 1999)
    answers = {
        number.canonical: system.ask(center=CENTER, number=number.canonical).json()
        for number in (entered, PermitNumber(999_002, "", 1987))
    }
    unreviewed = system.ask(**asked(permit_of(still, "manual_unverified"))).json()["id"]

    def searched(inquiry_id: str, code: str = system.code) -> Answered:
        with portal.database.begin() as db:
            body = accounts.find(db, code, cairo_day(clock.now()))
            assert body is not None
            agreement = body.agreements[Purpose.CONNECTION]
            return portal.answering.searched(
                db, inquiry_id, body, agreement, f"archivist@{CENTER}", clock.now()
            )

    issued = date(1999, 4, 1)
    with portal.database.begin() as db:
        new = NewPermit(CENTER, entered, "new", issued, "manual")
        registry.enter(db, portal.vault, new, "test", clock.now())
    for number, first in answers.items():
        there = number == entered.canonical
        kind = "confirmed_with_remarks" if there else "not_found"
        assert searched(first["id"]).kind == kind
        final = system.send("GET", f"{INQUIRIES}/{first['id']}").json()
        assert (final["id"], final["class"]) == (first["id"], kind)
        assert final["signed"] != first["signed"]
        assert final["answer"]["asked_at"] == final["asked_at"] == first["asked_at"]
        assert bool(final["answer"]["fields"]) == there
        with pytest.raises(Conflict):  # once
            searched(first["id"])
    with pytest.raises(Conflict):  # what nobody has reviewed is no answer yet
        searched(unreviewed)
    with pytest.raises(Missing):
        searched(unreviewed, fresh().code)


def test_what_is_not_theirs_looks_like_what_is_not_there(
    still: LocalPortal, body: BodySystem, fresh: Callable[..., BodySystem]
) -> None:
    theirs = permits(still)[0]
    stranger = fresh(governorate="EG-C")
    told = [
        stranger.ask(**asked(theirs)).json()["answer"],
        stranger.ask(**{**asked(theirs), "number": "999001/1987"}).json()["answer"],
        stranger.ask(serial=theirs.row[SIGN]).json()["answer"],
        stranger.ask(serial="0" * 20).json()["answer"],
    ]
    changing = ("sub", "iat", "asked")
    same = [{k: v for k, v in each.items() if k not in changing} for each in told]
    assert all(each == same[0] for each in same)
    assert same[0]["class"] == "not_found"
    inquiry = body.ask(**asked(theirs)).json()["id"]
    unknown = problem(stranger.send("GET", f"{INQUIRIES}/{inquiry}"), 404, "unknown_inquiry")
    assert unknown == problem(
        stranger.send("GET", f"{INQUIRIES}/{'0' * 20}"), 404, "unknown_inquiry"
    )


@pytest.mark.parametrize("kind", BodyKind)
def test_each_kind_of_body_is_told_its_own_fields_and_no_more(
    still: LocalPortal, fresh: Callable[..., BodySystem], kind: BodyKind
) -> None:
    body, permit = fresh(kind), permit_of(still, "under_execution")
    told = body.ask(**asked(permit)).json()["answer"]
    most = fields_of(kind, Purpose(told["purpose"]))
    assert set(told["fields"]) | set(told["unknown"]) == set(most)
    assert not set(told["fields"]) & set(told["unknown"])
    # what no register holds yet is never answered with a no
    assert not set(told["fields"]) & {"form_8", "dues_block", "violations_count"}
    owner = permit.people.owners[0].name
    assert owner not in json.dumps(told, ensure_ascii=False)
    assert set(told["fields"]) <= set(FIELDS)


def test_an_agreement_narrows_what_is_told_and_never_widens_it(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body = fresh(fields=["status", "estimated_value", "owner_match"])
    told = body.ask(**asked(permit_of(still, "under_execution"))).json()["answer"]
    assert (list(told["fields"]), told["unknown"]) == (["status"], [])


@pytest.mark.parametrize(("name", "match"), [("own", "match"), ("محمد إبراهيم سالم", "no_match")])
def test_the_notary_learns_whether_a_name_is_the_owners_and_no_name(
    still: LocalPortal, fresh: Callable[..., BodySystem], name: str, match: str
) -> None:
    notary = fresh(BodyKind.NOTARY)
    permit, own = next(
        (permit, owner.name)
        for permit in permits(still)
        for owner in permit.people.owners
        if permit.status is Status.UNDER_EXECUTION and len(owner.name.split()) > 3
    )
    sent = own if name == "own" else name
    answer = notary.ask(**asked(permit), owner_name=sent)
    assert answer.json()["answer"]["fields"]["owner_match"] == match
    assert sent not in answer.text
    with still.portal.database.read() as db:
        row = db.execute(
            select(BodyInquiry).where(BodyInquiry.id == answer.json()["id"])
        ).mappings()
        kept = {**row.one()}
    kept["answer"] = still.portal.vault.open("body_inquiries.answer", kept["answer"])
    assert sent not in str(kept)


def test_a_name_that_nobody_may_compare_is_not_taken(still: LocalPortal, body: BodySystem) -> None:
    told = problem(body.ask(**asked(permits(still)[0]), owner_name="محمد علي"), 422, "wrong")
    assert places_of(told) == {"/owner_name"}


def test_a_bank_learns_the_value_only_with_the_owners_code(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    portal, owner = still.portal, still.signed_in()
    with portal.database.begin() as db:
        permit = next(
            each
            for each in owning.of_owner(db, portal.vault, OWNER_ID, OWNED_AT)
            if each.row["status"] != "manual_unverified"
        )
        told = {"estimated_value": "85000"}
        db.execute(
            update(BuildingPermit).where(BuildingPermit.id == permit.id).values(details=told)
        )
    address = f"/permits/{CENTER}/{permit.number.year}/{permit.number.in_address}"
    page = owner.get(address)
    bank, other = fresh(BodyKind.BANK), fresh(BodyKind.BANK)

    def value(of: BodySystem, given: str | None) -> Any:
        told = of.ask(**asked(permit), consent_code=given).json()["answer"]
        assert ("estimated_value" in told["fields"]) != ("estimated_value" in told["unknown"])
        return told["fields"].get("estimated_value")

    def agree(**more: str) -> str:
        answer = owner.send(page, more, "/consent")
        assert answer.status == 200
        return "".join(answer.tree.xpath("//*[@data-consent]/text()"))

    old, code = agree(), agree()
    assert value(bank, None) is None
    assert value(bank, "0000-0000-0000-0000") is None
    assert value(bank, old) is None  # the new one has ended it
    assert value(bank, code.upper().replace("-", " ")) == "85000.00"
    assert value(bank, code) == "85000.00"
    assert value(other, code) is None  # it counts for the first that used it
    assert agree(withdraw="yes") == ""
    assert value(bank, code) is None
    stranger = still.signed_in("29001018800026", "01088800027")
    proof = stranger.get(address).values("/report")  # a form of his own page
    assert stranger.post(f"{address}/consent", proof).status == 404


def test_changes_are_told_to_who_asked_if_that_was_agreed(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    told, silent = fresh(notices=True), fresh()
    permit = permit_of(still, "under_execution")
    for reference in ("W-1", "W-2"):
        told.ask(**asked(permit), reference=reference)
        silent.ask(**asked(permit), reference=reference)
    with still.portal.database.read() as db:
        found = db.execute(
            select(BodyWatch.body_code, BodyWatch.reference).where(
                BodyWatch.permit_id == permit.id,
                BodyWatch.body_code.in_([told.code, silent.code]),
            )
        ).all()
    assert [tuple(each) for each in found] == [(told.code, "W-2")]


# --- the same again ---


def test_the_same_key_is_answered_the_same_and_counted_once(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body, permit, key = fresh(), permits(still)[0], {"idempotency-key": str(uuid4())}
    first = body.ask(key, **asked(permit))
    again = body.ask(key, **asked(permit))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert len(body.send("GET", INQUIRIES).json()["inquiries"]) == 1
    other = body.ask(key, **asked(permit), reference="W-2")
    problem(other, 422, "key_taken")
    assert body.ask({"idempotency-key": str(uuid4())}, **asked(permit)).json() != first.json()


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "é"])
def test_a_key_that_is_none_is_refused(still: LocalPortal, body: BodySystem, key: str) -> None:
    answer = body.send(
        "POST",
        INQUIRIES,
        json={"user": USER, "reference": "W-1", **asked(permits(still)[0])},
        headers={"idempotency-key": key.encode()},
    )
    assert places_of(problem(answer, 422, "wrong")) == {"Idempotency-Key"}


def test_of_the_same_key_at_once_there_is_one_inquiry(shared: LocalPortal) -> None:
    body, key = open_body(shared), {"idempotency-key": str(uuid4())}
    permit, answers = permits(shared)[0], list[httpx.Response]()
    body.token()

    def ask() -> None:
        answers.append(body.ask(key, **asked(permit)))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(body.send("GET", INQUIRIES).json()["inquiries"]) == 1


# --- pace ---


def test_no_more_is_answered_in_a_minute_than_was_agreed(shared: LocalPortal) -> None:
    """Counted in the database, six at once: what is agreed with a body holds over processes."""
    body, permit = open_body(shared, per_minute=4), permits(shared)[0]
    answers = list[httpx.Response]()
    body.token()
    threads = [
        threading.Thread(target=lambda: answers.append(body.ask(**asked(permit)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a.status_code for a in answers) == [201] * 4 + [429] * 2
    last = body.ask(**asked(permit))
    problem(last, 429, "too_many")
    assert last.headers["ratelimit-policy"] == '"inquiries";q=4;w=60'
    assert last.headers["ratelimit"].startswith('"inquiries";r=0;t=')
    assert 1 <= int(last.headers["retry-after"]) <= 61
    left = {a.headers["ratelimit"].split(";")[1] for a in answers if a.status_code == 201}
    assert left == {"r=3", "r=2", "r=1", "r=0"}
    assert {a.status_code for a in answers if "retry-after" in a.headers} == {429}
    # what was asked before can still be looked up
    assert body.send("GET", INQUIRIES).status_code == 200
    with shared.portal.database.read() as db:
        count = select(func.count()).where(BodyInquiry.body_code == body.code)
        assert db.scalar(count) == 4


def test_who_comes_too_fast_is_told_whatever_he_asks(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    """Counted over all processes: here it is another one that the body has used up."""
    body = fresh()
    assert body.send("GET", INQUIRIES).status_code == 200
    clock = SettableClock(still.clock.now() + timedelta(days=1))
    others = Buckets(still.portal.database, clock)
    while others.allows(f"body {body.code}"):
        pass
    answers = [body.send("GET", INQUIRIES) for _ in range(30)]
    last = answers[-1]
    problem(last, 429, "too_many")
    assert last.headers["retry-after"] == "1"
    assert last.headers["ratelimit-policy"] == '"requests";q=50;w=1'
    assert last.headers["ratelimit"] == '"requests";r=0;t=1'


# --- the body's own log ---


def test_the_log_is_paged_and_shows_none_twice_while_it_grows(
    shared: LocalPortal,
) -> None:
    body, permit = open_body(shared), permits(shared)[0]
    made = [body.ask(**asked(permit)).json()["id"] for _ in range(5)]
    page = body.send("GET", f"{INQUIRIES}?limit=2")
    body.ask(**asked(permit))
    seen = [each["id"] for each in page.json()["inquiries"]]
    while "link" in page.headers:
        address = page.headers["link"].partition(">")[0].removeprefix("<")
        assert page.headers["link"].endswith('; rel="next"')
        page = body.send("GET", address)
        seen += [each["id"] for each in page.json()["inquiries"]]
    assert seen == made[::-1]
    assert page.json()["next"] is None


def test_a_body_finds_what_it_asked_under_its_own_number(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body, other, permit = fresh(), fresh(), permits(still)[0]
    wanted = [body.ask(**asked(permit), reference="ص/٢٠٢٦/7").json()["id"] for _ in range(3)]
    body.ask(**asked(permit), reference="ص/٢٠٢٦/70")
    other.ask(**asked(permit), reference="ص/٢٠٢٦/7")
    page = body.send("GET", INQUIRIES, params={"reference": " ص/٢٠٢٦/7", "limit": 2})
    found = [each["id"] for each in page.json()["inquiries"]]
    rest = body.send("GET", page.links["next"]["url"]).json()
    found += [each["id"] for each in rest["inquiries"]]
    assert (found, rest["next"]) == (wanted[::-1], None)
    for query in ("reference=", "reference=a&reference=b", "reference=a%00"):
        told = problem(body.send("GET", f"{INQUIRIES}?{query}"), 422, "wrong")
        assert places_of(told) == {"reference"}


def test_a_cursor_is_of_one_body_and_cannot_be_made_up(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body, other, permit = fresh(), fresh(), permits(still)[0]
    for _ in range(2):
        body.ask(**asked(permit))
    cursor = body.send("GET", f"{INQUIRIES}?limit=1").json()["next"]
    assert body.send("GET", f"{INQUIRIES}?cursor={cursor}").status_code == 200
    for who, query in (
        (other, f"cursor={cursor}"),
        (body, f"cursor={cursor[:-2]}AA"),
        (body, f"cursor={cursor}&cursor={cursor}"),
        (body, "cursor="),
        (body, "cursor=%00"),
        (body, "cursor=%D9%A3"),
    ):
        told = problem(who.send("GET", f"{INQUIRIES}?{query}"), 422, "wrong")
        assert places_of(told) == {"cursor"}
    for limit in ("0", "101", "-1", "1.5", "٣", "x", "9" * 5000, "1&limit=2"):
        told = problem(body.send("GET", f"{INQUIRIES}?limit={limit}"), 422, "wrong")
        assert places_of(told) == {"limit"}


# --- what cannot be read ---


def test_everything_wrong_is_told_at_once_in_the_language_of_the_reader(body: BodySystem) -> None:
    wrong: dict[str, Any] = {
        "center": "ZZZ-999",
        "number": "5",
        "reference": "",
        "more": 1,
        "owner_name": "\u202e",
    }
    told = problem(body.ask(**wrong), 422, "wrong")
    assert places_of(told) == {"/center", "/number", "/reference", "", "/owner_name"}
    english = body.ask({"accept-language": "en"}, **wrong)
    assert english.headers["content-language"] == "en"
    assert problem(english, 422, "wrong")["title"] == "The question cannot be answered as it is"
    arabic = body.ask({"accept-language": "fr, ar;q=0.9, en;q=0.8"}, **wrong)
    assert arabic.headers["content-language"] == "ar"
    assert not problem(arabic, 422, "wrong")["title"].isascii()


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ({"number": "1/2025"}, {"/center"}),
        ({"center": CENTER}, {"/number"}),
        ({}, {"/center", "/number"}),
        ({"center": CENTER, "number": "1/2025", "serial": "0" * 20}, {"/center", "/number"}),
        ({"serial": "x"}, {"/serial"}),
        ({"center": CENTER, "number": "1/2999"}, {"/number"}),
        ({"center": CENTER, "number": {"number": 1, "year": 2150}}, {"/number"}),
        ({"center": CENTER, "number": {"number": 0, "year": 2020}}, {"/number/number"}),
        ({"center": CENTER, "number": {"number": 1e30, "year": 2020}}, {"/number/number"}),
        ({"center": CENTER, "number": {"number": True, "year": 2020}}, {"/number/number"}),
        ({"center": CENTER, "number": [1]}, {"/number"}),
        ({"center": CENTER, "number": "1\u0000/2025"}, {"/number"}),
        ({"center": 7, "number": "1/2025"}, {"/center"}),
        ({"center": CENTER, "number": "1/2025", "reference": " "}, {"/reference"}),
        ({"center": CENTER, "number": "1/2025", "reference": "x" * 61}, {"/reference"}),
        ({"center": CENTER, "number": "1/2025", "purpose": "curiosity"}, {"/purpose"}),
        ({"center": CENTER, "number": "1/2025", "user": ""}, {"/user"}),
    ],
)
def test_each_wrong_place_is_pointed_at(
    body: BodySystem, question: dict[str, Any], where: set[str]
) -> None:
    told = problem(body.ask(**question), 422, "wrong")
    assert places_of(told) == where


def test_what_is_compressed_is_refused_as_such(body: BodySystem) -> None:
    said = gzip.compress(b'{"user": "1042"}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = body.send("POST", INQUIRIES, content=said, headers=headers)
    problem(answer, 415, "content_coding")
    assert answer.headers["accept-encoding"] == "identity"


def test_reference_and_user_are_obligatory(still: LocalPortal, body: BodySystem) -> None:
    question = asked(permits(still)[0])
    told = problem(body.ask(**question, reference=None, user=None), 422, "wrong")
    assert places_of(told) == {"/reference", "/user"}
    problem(body.ask(**question, user="nobody"), 403, "unknown_user")
    problem(body.ask(**question, purpose="valuation"), 403, "not_agreed")


def test_a_token_for_several_purposes_must_be_told_which(
    still: LocalPortal, fresh: Callable[..., BodySystem]
) -> None:
    body = fresh(BodyKind.COURT, purposes=[Purpose.JUDICIAL, Purpose.CONNECTION])
    question = asked(permits(still)[0])
    assert places_of(problem(body.ask(**question), 422, "wrong")) == {"/purpose"}
    assert body.ask(**question, purpose="judicial").json()["answer"]["purpose"] == "judicial"
    narrow = body.token("permits:judicial")
    assert body.ask(**question, token=narrow).json()["answer"]["purpose"] == "judicial"
    problem(body.ask(**question, purpose="connection", token=narrow), 403, "not_agreed")


UNREADABLE: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "not_json"),
    "half": (b'{"user":', 400, "not_json"),
    "a name twice": (b'{"user": "a", "user": "b"}', 400, "not_json"),
    "NaN": (b'{"user": NaN}', 400, "not_json"),
    "Infinity": (b'{"user": -Infinity}', 400, "not_json"),
    "too deep": (b"[" * 15_000, 400, "not_json"),
    "a number of 5000 digits": (b"9" * 5000, 400, "not_json"),
    "Latin-1": ('{"user": "é"}'.encode("latin-1"), 400, "not_json"),
    "UTF-16": ('{"user": "a"}'.encode("utf-16"), 400, "not_json"),
    "too large": (b'{"user": "' + b"a" * 20_000 + b'"}', 413, "too_large"),
    "a list": (b"[]", 422, "wrong"),
    "null": (b"null", 422, "wrong"),
    "a lone surrogate": (b'{"user": "\\ud800"}', 422, "wrong"),
    "a NUL": (b'{"reference": "a\\u0000b"}', 422, "wrong"),
    "a number that overflows": (b'{"user": 1e999}', 422, "wrong"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_and_changes_nothing(body: BodySystem, case: str) -> None:
    content, status, kind = UNREADABLE[case]
    kinds = {"content-type": "application/json"}
    problem(body.send("POST", INQUIRIES, content=content, headers=kinds), status, kind)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_another_type_of_content_is_refused(body: BodySystem, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    problem(body.send("POST", INQUIRIES, content=b"{}", headers=headers), 415, "media_type")
