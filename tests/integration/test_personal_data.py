"""A whole journey through the real processes, and then: where is the person to be found?

Nowhere in plain: not in a log, not in the database's file, not among the stored files, in no way
of writing it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

from portal.backoffice.model import CenterRequest
from portal.vault import Vault
from tests.support.files import pdf
from tests.support.people import Citizen
from tests.support.sandbox import eventually
from tests.support.stack import Stack

SERVICE = "address-numbering-certificate"
NATIONAL_ID, MOBILE = "29907132814936", "01127394865"
NAME = "زنوبيا مهيار الغضنفر شنودة"
STREET, LANDMARK = "حارة الياسمين القرمزي", "خلف مسجد السنبلاوي العتيق"
EMAIL = "zenobia.mahyar@example.org"
CARD = {
    "card_number": "5555 5555 5555 4444",
    "exp": "11/37",
    "cvc": "739",
    "name": "ZENOBIA MAHYAR",
}
ASKED = "صورة زنوبيا غير واضحة ورقمها 29907132814936"
SENT = "أعدت التصوير، واتصلوا بي على 01127394865"
_EASTERN = [str.maketrans("0123456789", digits) for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")]
_MICROSECONDS = re.compile(rb"(\d\d:\d\d:\d\d)\.\d{6}")


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Journey"]:
    stack = Stack(tmp_path_factory.mktemp("journey")).prepare().start()
    made = Journey(stack)
    made.walk()
    stack.kill("serve", "worker", "sandbox")  # what was not written down by now never is
    yield made
    stack.stop()


class Journey:
    """One distinctive person on the whole way, with slips on it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.citizen = Citizen(stack.url, NATIONAL_ID, MOBILE)
        self.codes: list[str] = []
        self.cookies: set[str] = set()
        self.number = ""

    def walk(self) -> None:
        self._sign_in()
        self._file()
        self._center()

    def _sign_in(self) -> None:
        citizen = self.citizen
        page = citizen.get("/sign-in")
        slip = {"national_id": f"{NATIONAL_ID}1", "mobile": f"{MOBILE}x"}
        assert citizen.send(page, slip, "/sign-in").status == 422
        eastern = NATIONAL_ID.translate(_EASTERN[0])
        typed = {"national_id": eastern, "mobile": f"+20 {MOBILE[1:]}"}
        page = citizen.send(page, typed, "/sign-in")
        self.codes.append(citizen.last_code())
        self._remember()
        assert citizen.send(page, {"code": "000000"}, "/sign-in/code").status == 422
        citizen.send(page, {"code": self.codes[0]}, "/sign-in/code")
        self._remember()

    def _file(self) -> None:
        citizen, fixed = (
            self.citizen,
            {
                "applicant_name": NAME,
                "national_id": NATIONAL_ID,
                "mobile": MOBILE,
                "email": EMAIL,
                "site.street": STREET,
                "site.landmark": LANDMARK,
            },
        )
        answers = self.stack.answers(SERVICE, optional=True, fixed=fixed)
        assert set(fixed) <= answers.keys()
        page = citizen.get(f"/services/{SERVICE}/apply")
        slip = citizen.answers_of(page, {**answers, "applicant_name": f"{NAME}\u202e"})
        citizen.send(page, slip)
        page = citizen.upload_all(citizen.fill(SERVICE, answers))
        name, content, kind = f"بطاقة {NAME} {NATIONAL_ID}.pdf", *pdf()[1:]
        code = page.tree.xpath("//section[contains(@id, 'document-')]/@id")[0]
        citizen.send(page, {}, f"/documents/{code[9:]}", files={"file": (name, content, kind)})
        page = citizen.submit(page)
        page = citizen.send(page, {}, "/pay")
        citizen.send(page, {**CARD, "card_number": "5555 5555 5555 4445"})
        page = citizen.send(page, CARD)
        self.number = page.hook("request-number")
        for path in (f"/{NATIONAL_ID}", f"/services?q={NAME}", f"/requests/{MOBILE}"):
            citizen.get(path)
        follower = Citizen(self.stack.url, NATIONAL_ID, MOBILE)
        follower.send(follower.get("/track"), {"number": self.number, "mobile": MOBILE}, "/track")

    def _center(self) -> None:
        stack, number = self.stack, self.number
        there = select(CenterRequest.id).where(CenterRequest.request_number == number)
        eventually(lambda: bool(stack.rows(there)), 30)
        clerk, citizen = stack.employee("front_office"), self.citizen
        clerk.act(number, "register", {})
        clerk.act(number, "completion", {"completion_note": ASKED, "days": "7"})
        eventually(
            lambda: citizen.get(f"/requests/{number}").hook("state") == "needs_completion", 30
        )
        citizen.send(citizen.get(f"/requests/{number}/complete"), {"note": SENT}, "/complete")
        resumed = select(CenterRequest.state).where(CenterRequest.request_number == number)
        eventually(lambda: stack.rows(resumed)[0][0] == "document_check", 30)
        clerk.act(number, "accept", {})
        head = stack.employee("department_head")
        note = {"output_number": "77/2026", "approval_note": f"تسلم إلى {NAME} بعد الاتصال"}
        output = (f"شهادة {NAME}.pdf", *pdf()[1:])
        head.act(number, "approve", note, files={"output": output})
        eventually(lambda: citizen.get(f"/requests/{number}").hook("state") == "issued", 30)
        self._remember(clerk, head)

    def _remember(self, *others: object) -> None:
        for who in (self.citizen, *others):
            jar = who.client.cookies.jar  # type: ignore[attr-defined]
            self.cookies |= {cookie.value for cookie in jar if cookie.value}

    def secrets(self) -> Mapping[str, list[str]]:
        """What must not be found, by what it is."""
        return {
            "national ID": [NATIONAL_ID],
            "mobile": [MOBILE[1:], f"{MOBILE[:4]} {MOBILE[4:7]} {MOBILE[7:]}"],
            "name": [NAME, *NAME.split()],
            "address": [STREET, LANDMARK],
            "e-mail": [EMAIL, EMAIL.partition("@")[0]],
            "card": ["5555555555554444", "5555 5555 5555 4444", "5555-5555-5555-4444"],
            "session": sorted(self.cookies),
        }

    def written(self) -> dict[str, bytes]:
        """Everything that the processes left behind, by the file that holds it."""
        return {
            str(path.relative_to(self.stack.var)): path.read_bytes()
            for path in sorted(self.stack.var.rglob("*"))
            if path.is_file()
        }

    def logs(self) -> dict[str, bytes]:
        return {name: text for name, text in self.written().items() if name.endswith(".log")}


def _ways_to_write(secret: str) -> set[bytes]:
    """A text as a file may hold it: digits of three scripts; UTF-8, UTF-16, JSON, an address."""
    texts = {secret, *(secret.translate(table) for table in _EASTERN)}
    ways: set[bytes] = set()
    for text in texts:
        escaped = text.encode("ascii", "backslashreplace")
        ways |= {text.encode(), text.encode("utf-16-le"), escaped, quote(text).encode()}
        ways.add(quote(text).lower().encode())
    return ways


def _found(secret: str, written: Mapping[str, bytes]) -> list[str]:
    """The files in which ``secret`` stands in some way."""
    ways = _ways_to_write(secret)
    return [name for name, content in written.items() if any(way in content for way in ways)]


def test_what_is_looked_for_would_be_found(journey: Journey) -> None:
    """The search itself: what may be told is told, in the places that are looked through."""
    written = journey.written()
    found = _found(journey.number, written)
    assert {"serve.log", "worker.log"} <= set(found)
    assert any("sqlite3" in name for name in found)
    assert any(name.startswith("files/") for name in written)
    assert any(name.startswith("sandbox/") for name in written)
    planted = {
        "json": b'{"name": "\\u0632\\u0646\\u0648\\u0628\\u064a\\u0627"}',
        "url": b"/services?q=%D8%B2%D9%86%D9%88%D8%A8%D9%8A%D8%A7",
        "plain": "زنوبيا".encode(),
    }
    assert _found("زنوبيا", planted) == ["json", "url", "plain"]
    assert _found("2990", {"log": "٢٩٩٠".encode()}) == ["log"]


def test_the_person_did_go_the_whole_way(journey: Journey) -> None:
    """What is sealed opens to the very words that are looked for."""
    stack = journey.stack
    vault = Vault([(stack.var / "secret_key").read_text().strip()])
    rows = stack.rows(
        select(CenterRequest.payload, CenterRequest.state).where(
            CenterRequest.request_number == journey.number
        )
    )
    payload = vault.open("center_requests.payload", rows[0].payload)
    for told in (NAME, STREET, LANDMARK, NATIONAL_ID):
        assert told in payload
    assert rows[0].state == "issued"
    assert len(journey.cookies) >= 3
    assert len(journey.codes[0]) == 6


@pytest.mark.parametrize(
    "what", ["national ID", "mobile", "name", "address", "e-mail", "card", "session"]
)
def test_nothing_of_the_person_is_written_in_plain_anywhere(journey: Journey, what: str) -> None:
    written = journey.written()
    for secret in journey.secrets()[what]:
        assert _found(secret, written) == [], (what, secret)


def test_the_holder_of_the_card_is_known_to_the_payment_provider_alone(journey: Journey) -> None:
    found = _found(CARD["name"], journey.written())
    assert found
    assert all(name.startswith("sandbox/") for name in found), found


def test_no_one_time_code_is_written_in_plain_anywhere(journey: Journey) -> None:
    """Six digits that stand alone; the microseconds of an instant are none."""
    for name, content in journey.written().items():
        plain = _MICROSECONDS.sub(rb"\1", content)
        for code in journey.codes:
            for way in _ways_to_write(code):
                alone = rb"(?<![0-9])" + re.escape(way) + rb"(?![0-9])"
                assert not re.search(alone, plain), name


def test_the_log_of_the_pages_tells_routes_and_no_addresses(journey: Journey) -> None:
    log = journey.logs()["serve.log"].decode()
    assert '"route": "/requests/{number}"' in log
    assert f"/requests/{journey.number}" not in log
    assert "?q=" not in log
    assert "/drafts/{draft_id}" in log
    assert not re.search(r'"(path|query|url|address|user_agent|cookie)"', log)


def test_no_log_has_a_traceback_or_a_network_address(journey: Journey) -> None:
    for name, log in journey.logs().items():
        assert b"Traceback" not in log, name
    assert b"127.0.0.1" not in journey.logs()["serve.log"]


def test_stored_files_have_no_telling_names_and_no_readable_content(journey: Journey) -> None:
    folder: Path = journey.stack.var / "files"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 6, "documents of the portal, and the center's copies"
    for path in files:
        assert re.fullmatch(r"[0-9a-z]+", path.name), path.name
        content = path.read_bytes()
        assert b"%PDF" not in content
        assert b"JFIF" not in content
