"""Whatever is sent, the answer is in the provider's shape and never a 500."""

import base64
import contextlib
import http.client
import random

import httpx
import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.sandbox.errors import ApiError
from payments.sandbox.forms import MAX_BODY_BYTES, decode
from payments.sandbox.params import Params
from tests.support.sandbox import SandboxProcess, web

KEY = {"Authorization": "Bearer sk_test_errors"}
FORM = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}


def shaped(answer: httpx.Response) -> bool:
    error = answer.json()["error"]
    return (
        answer.headers["request-id"].startswith("req_")
        and answer.headers["content-type"] == "application/json"
        and isinstance(error["type"], str)
        and isinstance(error["message"], str)
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer sk_live_abcdefghijkl"},
        {"Authorization": "Bearer pk_test_abcdefghijkl"},
        {"Authorization": "Bearer sk_test_\u00ff"},
        {"Authorization": "Digest sk_test_a"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic " + base64.b64encode(b"sk_live_a:").decode()},
    ],
)
def test_without_a_test_key_nothing_is_answered(
    payment_server: SandboxProcess, headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = web.get(f"{payment_server.url}/v1/charges", headers=raw)
    assert answer.status_code == 401
    assert shaped(answer)
    assert "abcdefghijkl" not in answer.text


def test_a_key_may_be_given_as_the_user_of_basic_authorization(
    payment_server: SandboxProcess,
) -> None:
    answer = web.get(f"{payment_server.url}/v1/charges", auth=("sk_test_errors", ""))
    assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_the_sdk_knows_the_error_of_a_wrong_key(payment_server: SandboxProcess) -> None:
    with pytest.raises(stripe.AuthenticationError):
        payment_server.client("sk_live_x").v1.charges.list()


def test_each_key_is_an_account_of_its_own(payment_server: SandboxProcess) -> None:
    mine, other = payment_server.client(), payment_server.client()
    intent = mine.v1.payment_intents.create({"amount": 5000, "currency": "egp"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        other.v1.payment_intents.retrieve(intent.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert other.v1.payment_intents.list().data == []
    assert other.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        other.v1.payment_intents.list({"starting_after": intent.id})


def test_a_connected_account_is_refused_instead_of_ignored(
    payment_server: SandboxProcess,
) -> None:
    headers = {**KEY, "Stripe-Account": "acct_1"}
    answer = web.get(f"{payment_server.url}/v1/charges", headers=headers)
    assert answer.status_code == 403
    assert shaped(answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/charges", 404),
        ("GET", "/v1/charges/ch_1", 404),
        ("GET", "/v1/charges/%00", 404),
        ("GET", "/v1/charges/%ff%fe", 404),
        ("GET", "/v1/charges/%ED%A0%80", 404),
        ("GET", "/v1/charges/a'b", 404),
        ("GET", "/v1/charges?limit=0", 400),
        ("GET", "/v1/charges?limit=101", 400),
        ("GET", "/v1/charges?limit=x", 400),
        ("GET", "/v1/charges?limit=%ff", 400),
        ("GET", "/v1/charges?starting_after=ch_1", 400),
        ("GET", "/v1/charges?starting_after=a&ending_before=b", 400),
        ("GET", "/v1/charges?created[gte]=99999999999999999999", 400),
        ("GET", "/v1/charges?created[gte]=1&created=2", 400),
        ("GET", "/v1/charges?created[ge]=1", 400),
        ("GET", "/v1/charges?foo=1", 400),
        ("GET", "/v1/events?type=charge.%25", 400),
        ("GET", "/v1/events?type=a&types[]=b", 400),
        ("GET", "/v1/events?types[x]=b", 400),
        ("GET", "/v1/events?delivery_success=yes", 400),
        ("GET", "/v1/checkout/sessions?status=done", 400),
        ("GET", "/v1/charges?expand[]=data.nothing", 400),
    ],
)
def test_every_address_answers_in_shape(
    payment_server: SandboxProcess, method: str, path: str, status: int
) -> None:
    answer = web.request(method, payment_server.url + path, headers=KEY)
    assert answer.status_code == status
    assert status == 200 or shaped(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"amount=%",
        b"amount=%zz",
        b"amount=%ff",
        b"\xff\xfe=1",
        b"amount=%00",
        b"amount[=1",
        b"[amount]=1",
        b"amount]=1",
        b"a[b]=1&a=2",
        b"a=1&a[b]=2",
        b"a" + b"[b]" * 50 + b"=1",
        b"&".join(b"a[%d]=1" % number for number in range(3000)),
        b"amount[]=1&amount[]=2",
        b"metadata=x&amount=100&currency=egp",
        b"metadata[]=x&amount=100&currency=egp",
        b"metadata[a][b]=x&amount=100&currency=egp",
        b"metadata[%s]=x&amount=100&currency=egp" % (b"k" * 41),
        b"metadata[a]=%s&amount=100&currency=egp" % (b"v" * 501),
        b"&".join([b"amount=100&currency=egp"] + [b"metadata[%d]=1" % n for n in range(51)]),
        b"amount=100&currency=egp&payment_method=x&payment_method_data[type]=card",
        b"amount=100&currency=egp&payment_method_data=card",
        b"amount=100&currency=egp&payment_method_data[type]=card",
        b"amount=100&currency=egp&payment_method_data[card][number]=4242424242424242",
        b"amount=100&currency=egp&confirm=maybe",
        b"amount=100&currency=egp&expand[]=latest_charge.a.b.c.d",
        b"amount=100&currency=egp&expand[]=nothing",
        b"amount=100&currency=egp&description=" + b"x" * 1001,
        b'{"amount": 100}',
    ],
)
def test_broken_parameters_are_refused(payment_server: SandboxProcess, body: bytes) -> None:
    answer = web.post(f"{payment_server.url}/v1/payment_intents", content=body, headers=FORM)
    assert answer.status_code == 400, answer.text
    assert shaped(answer)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "x"])
def test_only_form_encoded_parameters_are_taken(
    payment_server: SandboxProcess, content_type: str
) -> None:
    answer = web.post(
        f"{payment_server.url}/v1/payment_intents",
        content=b"amount=100&currency=egp",
        headers={**KEY, "Content-Type": content_type},
    )
    assert answer.status_code == 400
    assert shaped(answer)


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/sandbox/control/clock"])
def test_a_huge_body_is_refused(payment_server: SandboxProcess, path: str) -> None:
    body = b"a" * (MAX_BODY_BYTES + 1)
    answer = web.post(payment_server.url + path, content=body, headers=FORM)
    assert answer.status_code == 413
    assert shaped(answer)


def test_random_bytes_never_cause_a_server_error(payment_server: SandboxProcess) -> None:
    chance = random.Random(7)
    alphabet = [b"amount", b"currency", b"metadata", b"expand", b"=", b"&", b"[", b"]", b"%", b"%f",
                b"egp", b"9", b"\x00", b"\xff", b"+", b"0", b"confirm", b"line_items"]  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", payment_server.port)
    for _ in range(300):
        body = b"".join(chance.choice(alphabet) for _ in range(chance.randrange(40)))
        path = chance.choice(["/v1/payment_intents", "/v1/checkout/sessions", "/c/pay/cs_test_x"])
        connection.request("POST", path, body, FORM)
        answer = connection.getresponse()
        answer.read()
        assert 400 <= answer.status < 500, (path, body)
    connection.close()


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_decoding_gives_a_tree_or_an_error(raw: bytes) -> None:
    try:
        tree = decode(raw)
    except ApiError:
        return
    params = Params(tree)
    for name in tree:
        for read in (params.text, params.metadata, params.children, params.texts, params.range):
            with contextlib.suppress(ApiError):
                read(name)


def test_brackets_are_read_as_hashes_and_lists() -> None:
    tree = decode(b"a[b][0][c]=1&a[b][1][c]=2&e[]=x&e[]=y&q=%D8%B1+%2B")
    params = Params(tree)
    outer = params.child("a")
    assert outer is not None
    assert [inner.text("c") for inner in outer.children("b")] == ["1", "2"]
    assert params.texts("e") == ["x", "y"]
    assert params.text("q") == "ر +"
    params.finish()
