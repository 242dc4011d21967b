"""Receipts as their owner gets them, and as anybody can verify them."""

import base64
import hmac
import json
import re
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import insert, select

from payments.model import Attempt, Obligation, Receipt, Refund, RefundLine
from portal.clock import public_id
from portal.receipts.codes import drawn
from portal.signatures import Purpose
from tests.support.commands import run_command
from tests.support.local import LocalPortal
from tests.support.pdf_text import text_of
from tests.support.people import Browser, Citizen, Page
from tests.support.plain import PLAIN

SERVICE = "address-numbering-certificate"


@pytest.fixture(scope="module")
def citizen(still: LocalPortal) -> Citizen:
    return still.someone()


@pytest.fixture(scope="module")
def path(still: LocalPortal, citizen: Citizen) -> str:
    """The address of a receipt of ``citizen``."""
    page = still.filed(SERVICE, citizen)
    return str(page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0])


@pytest.fixture(scope="module")
def code(citizen: Citizen, path: str) -> str:
    """Where the code of the receipt leads."""
    return _code(citizen.get(path))


def _code(page: Page) -> str:
    return str(page.tree.xpath("//a[contains(@href, '/verify/')]/@href")[0])


def _raw(citizen: Citizen, path: str) -> httpx.Response:
    return citizen.client.get(f"{citizen.base_url}{path}")


# --- the owner's ----------------------------------------------------------------------------------


def test_the_page_shows_sums_by_beneficiary_words_and_the_way_it_was_paid(
    citizen: Citizen, path: str
) -> None:
    page = citizen.get(path)
    assert page.status == 200
    groups = page.tree.xpath("//th[@scope='rowgroup']")
    assert len(groups) == len({group.text_content() for group in groups}) >= 2
    assert re.search("فقط .+ جنيه.* لا غير", page.text)
    assert "بطاقة بنكية" in page.text
    assert "4242" in page.text
    amount = int(page.hook("amount"))
    cells = page.tree.xpath("//table[contains(@class, 'fees')]//td[last()]/text()")
    assert page.hook("request-number") in path
    assert amount > 0
    assert len(cells) >= 3


def test_the_drawn_code_is_the_address_beside_it(citizen: Citizen, path: str, code: str) -> None:
    (square,) = citizen.get(path).tree.xpath("//svg[@class='qr']/path/@d")
    assert f'd="{square}"' in drawn(code)
    assert _code(citizen.get(path)) == code  # it does not change from one look to the next


def test_the_pdf_is_private_small_and_named_by_the_receipt_alone(
    citizen: Citizen, path: str
) -> None:
    answer = _raw(citizen, f"{path}.pdf")
    number = path.rsplit("/", 1)[1]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'inline; filename="{number}.pdf"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert len(answer.content) < 100_000
    assert number in text_of(answer.content)
    english = _raw(citizen, f"/en{path}.pdf").content
    assert "Receipt of payment" in text_of(english)


@pytest.mark.parametrize("ending", ["", ".pdf"])
def test_nobody_else_gets_it(still: LocalPortal, path: str, ending: str) -> None:
    other = still.someone()
    assert other.get(f"{path}{ending}").status == 404
    stranger = httpx.get(f"{still.url}{path}{ending}", trust_env=False, verify=PLAIN)
    assert stranger.status_code == 303
    assert "/sign-in" in stranger.headers["location"]


def test_a_receipt_stands_under_its_own_request_only(
    still: LocalPortal, citizen: Citizen, path: str
) -> None:
    another = still.filed(SERVICE, citizen).hook("request-number")
    number = path.rsplit("/", 1)[1]
    for wrong in (
        f"/requests/{another}/receipts/{number}",
        f"/requests/{another}/receipts/{number}.pdf",
        f"{path}.pdf.pdf",
        f"{path}.PDF",
        f"{path}x",
        f"{path.rsplit('/', 1)[0]}/.pdf",
        f"{path.rsplit('/', 1)[0]}/R-26-9999999",
    ):
        assert citizen.get(wrong).status == 404, wrong


# --- anybody's ------------------------------------------------------------------------------------


def _verified(still: LocalPortal, address: str) -> httpx.Response:
    return httpx.get(httpx.URL(still.url).join(address), trust_env=False, verify=PLAIN)


def test_whoever_scans_sees_what_it_is_worth_and_no_name(
    still: LocalPortal, citizen: Citizen, path: str, code: str
) -> None:
    answer = _verified(still, code)
    page = Browser._page(answer)
    owned = citizen.get(path)
    assert page.status == 200
    assert page.hook("state") == "valid"
    assert page.hook("amount") == owned.hook("amount")
    assert path.rsplit("/", 1)[1] in page.text
    assert "شهادة ترقيم عقار" in page.text
    applicant = still.answers(SERVICE)["applicant_name"]
    for hidden in (str(applicant), path.split("/")[2], "4242", citizen.mobile):
        assert hidden not in answer.text, hidden
    assert not answer.cookies
    assert answer.headers["x-robots-tag"] == "noindex"
    english = Browser._page(_verified(still, code.replace("/verify/", "/en/verify/")))
    assert "Valid" in english.text
    assert english.tree.get("lang") == "en"


def _spoilt(token: str, keys: dict[str, Any]) -> dict[str, str]:
    """What people and forgers make of a good token."""
    header, payload, signature = token.split(".")

    def encoded(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    opened = json.loads(base64.urlsafe_b64decode(header + "=="))
    richer = encoded({**claims, "amount": claims["amount"] * 10})
    hs256 = f"{encoded({**opened, 'alg': 'HS256'})}.{payload}"
    secret = json.dumps(keys["keys"][0]).encode()
    mac = hmac.new(secret, hs256.encode(), sha256).digest()
    return {
        "another sum": f"{header}.{richer}.{signature}",
        "no algorithm": f"{encoded({**opened, 'alg': 'none'})}.{payload}.",
        "algorithm of a shared secret": f"{hs256}.{base64.urlsafe_b64encode(mac).decode()[:-1]}",
        "unknown key": f"{encoded({**opened, 'kid': 'nobody'})}.{payload}.{signature}",
        "key is no text": f"{encoded({**opened, 'kid': [1]})}.{payload}.{signature}",
        "own key": f"{encoded({**opened, 'jwk': keys['keys'][0]})}.{payload}.{signature}",
        "header is a list": f"{encoded([1])}.{payload}.{signature}",
        "deep header": f"{encoded('x')[:4]}{'W1tb' * 100}.{payload}.{signature}",
        "last letter": token[:-1] + ("A" if token[-1] != "A" else "Q"),
        "unused bits": token[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[token[-1]],
        "first letter of the signature": f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}"
        + signature[1:],
        "cut": token[:-20],
        "cut payload": f"{header}.{payload[:-1]}.{signature}",
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.{signature}",
        "padding": f"{token}=",
        "blank": f"{token[:40]} {token[40:]}",
        "line break": f"{token}\n",
        "arabic": "إيصال",
        "emoji": "🙂" * 40,
        "one letter": "a",
        "dots": "...",
        "ten kilobytes": "a" * 10_000,
        "repeated": token * 3,
        "NUL": f"{token}\0",
        "not utf-8": "%ff%fe",
        "traversal": "..%2f..%2fetc",
    }


def test_a_spoilt_code_is_no_receipt_and_never_a_defect(still: LocalPortal, code: str) -> None:
    keys = httpx.get(f"{still.url}/.well-known/jwks.json", trust_env=False, verify=PLAIN).json()
    token = code.rsplit("/", 1)[1]
    for name, spoilt in _spoilt(token, keys).items():
        quoted = spoilt if "%" in spoilt else quote(spoilt, safe="")
        answer = httpx.get(f"{still.url}/verify/{quoted}", trust_env=False, verify=PLAIN)
        assert answer.status_code in {400, 404, 414}, (name, answer.status_code)
        assert "data-state" not in answer.text, name
    assert _verified(still, code).status_code == 200


def test_the_page_for_a_spoilt_code_says_what_to_do(still: LocalPortal, code: str) -> None:
    page = Browser._page(_verified(still, code[:-3]))
    assert page.status == 404
    assert "هذا ليس إيصالًا من البوابة" in page.text
    assert "اسأل المركز" in page.text


def test_what_is_signed_for_another_purpose_or_not_in_the_books_is_no_receipt(
    still: LocalPortal, path: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures = still.portal.signatures
    claims = signatures.read(Purpose.RECEIPT, code.rsplit("/", 1)[1])
    changed = (
        {**claims, "amount": claims["amount"] + 1},
        {**claims, "sub": "R-26-9999999"},
        {**claims, "iat": claims["iat"] + 86_400},
        {**claims, "service": 1},
        {**claims, "service": 99},
    )
    for each in changed:
        page = Browser._page(_verified(still, f"/verify/{signatures.sign(Purpose.RECEIPT, each)}"))
        assert page.status == 404
        assert "غير مقيّد" in page.text
        assert not page.hooks("state")
    monkeypatch.setattr(Purpose, "kind", property(lambda self: "document+jwt"))
    other = signatures.sign(Purpose.RECEIPT, claims)
    monkeypatch.undo()
    assert "ليس إيصالًا" in Browser._page(_verified(still, f"/verify/{other}")).text


def test_what_is_given_back_shows_at_once(still: LocalPortal, citizen: Citizen) -> None:
    page = still.filed(SERVICE, citizen)
    path = page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    code = _code(citizen.get(path))
    amount = int(citizen.get(path).hook("amount"))
    number = path.rsplit("/", 1)[1]
    for part, account, state in (
        (1000, "refundable", "partly_refunded"),
        (amount - 1000, "suspense", "refunded"),
    ):
        _give_back(still, number, part, account)
        assert Browser._page(_verified(still, code)).hook("state") == state
        assert "المردود" in citizen.get(path).text
    assert "رُدّ" in " ".join(citizen.get(path).text.split())


def test_surplus_that_is_given_back_leaves_the_receipt_whole(
    still: LocalPortal, citizen: Citizen
) -> None:
    page = still.filed(SERVICE, citizen)
    path = page.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
    _give_back(still, path.rsplit("/", 1)[1], 1000, account="surplus")
    assert Browser._page(_verified(still, _code(citizen.get(path)))).hook("state") == "valid"


def _give_back(still: LocalPortal, number: str, amount: int, account: str = "suspense") -> None:
    """A refund that was made at the provider and has arrived, as its row stands."""
    now = still.clock.now()
    paid = (
        select(Attempt.id, Obligation.reference, Obligation.currency)
        .join(Obligation, Obligation.id == Attempt.obligation_id)
        .join(Receipt, Receipt.obligation_id == Obligation.id)
        .where(Receipt.number == number, Attempt.state == "paid")
    )
    with still.portal.database.begin() as db:
        attempt = db.execute(paid).one()
        refund = public_id()
        db.execute(
            insert(Refund).values(
                id=refund,
                attempt_id=attempt.id,
                reference=attempt.reference,
                origin="provider",
                reason="external",
                currency=attempt.currency,
                amount=amount,
                state="succeeded",
                requested_at=now,
                look_again_at=now,
            )
        )
        db.execute(
            insert(RefundLine).values(refund_id=refund, position=0, account=account, amount=amount)
        )


# --- keys -----------------------------------------------------------------------------------------


def _is_signed(token: str, keys: dict[str, Any]) -> bool:
    """As an auditor checks it, with nothing of the portal but its published keys."""
    header, payload, signature = token.split(".")
    opened = json.loads(base64.urlsafe_b64decode(header + "=="))
    assert opened["alg"] == "ES256"
    jwk = next(key for key in keys["keys"] if key["kid"] == opened["kid"])
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[n] + "=")) for n in ("x", "y"))
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(der, f"{header}.{payload}".encode(), ec.ECDSA(SHA256()))
    return True


def test_a_code_can_be_verified_with_the_published_keys_and_outlives_their_change(
    still: LocalPortal, citizen: Citizen, path: str, code: str
) -> None:
    def published() -> dict[str, Any]:
        answer = httpx.get(f"{still.url}/.well-known/jwks.json", trust_env=False, verify=PLAIN)
        assert answer.headers["content-type"] == "application/jwk-set+json"
        assert "max-age" in answer.headers["cache-control"]
        assert not any("d" in key for key in answer.json()["keys"])
        return dict(answer.json())

    before = published()
    assert _is_signed(code.rsplit("/", 1)[1], before)
    settings = still.portal.settings
    keys = {"PORTAL_SECRET_KEYS": " ".join(settings.secret_keys)}
    status, said = run_command(settings, "keys", "rotate", **keys)
    assert status == 0
    # the portal beside it writes its log meanwhile
    changed = re.search(r"^(\w+) signs from now on$", said, re.MULTILINE)
    assert changed is not None
    kid = changed[1]
    after = published()
    assert [key["kid"] for key in after["keys"]][1:] == [key["kid"] for key in before["keys"]]
    assert after["keys"][0]["kid"] == kid
    assert "retired_at" not in after["keys"][0]
    assert all("retired_at" in key for key in after["keys"][1:])
    fresh = _code(citizen.get(path))
    assert fresh != code
    assert _is_signed(fresh.rsplit("/", 1)[1], after)
    for each in (code, fresh):
        assert _verified(still, each).status_code == 200
    _, listed = run_command(settings, "keys", "list", **keys)
    rows = re.findall(r"^(\w{6})  since \S+ \S+  (signs|until)", listed, re.MULTILINE)
    assert [name for name, is_ in rows if is_ == "signs"] == [kid]
    assert len(rows) == len(after["keys"])
