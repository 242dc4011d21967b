"""Every page of the portal in the states that look different, with people who may open them.

The texts are what breaks a layout: a name of 300 letters, words of 100 letters without a break, 40
documents, sums of twelve digits. Forms accept less than that; what is stored is made longer here,
because a page has to stand it whatever a later form accepts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page
from sqlalchemy import Connection, insert, select, update

from payments.model import Attempt, Obligation, ObligationLine, Receipt
from payments.money import Money
from portal.backoffice import folder
from portal.backoffice.model import CenterAct, CenterDocument, CenterRequest
from portal.bodies.model import BodyInquiry, OutsideBody
from portal.clock import cairo_day, public_id
from portal.permits import cutoffs, lots
from portal.permits import reading as permit_register
from portal.permits.model import BuildingPermit
from portal.requests import pay_links, reading
from portal.requests.lifecycle import State
from portal.requests.model import Attachment, Draft, HistoryEntry, ServiceRequest
from tests.support.drafting import COMPLAINT, answer_all, begin, upload
from tests.support.files import photo
from tests.support.local import LocalPortal
from tests.support.people import Browser, Citizen, Employee
from tests.support.refunding import DEPOSIT, SALE_ONLY, Books, form_of

WORD = "مستنداتالعقار" * 8
NAME = "عبد الرحمن بن محمد السيد " * 12
LATIN = "Abdelrahmanelsayed" * 6
NOTE = f"الصورة غير واضحة.\n\nأعد تصويرها في ضوء النهار. {WORD} {LATIN} " * 2
SUM = 999_999_999_999_99  # piastres: twelve digits of pounds
PAID = "shop-licence-replacement"
CHEAP = "address-numbering-certificate"
PERMIT = "kiosk-licence"
FORMS = ("excavation-permit", "state-land-legalisation", "occupants-union-registration")
_STATES = (
    State.AWAITING_FILING_PAYMENT,
    State.DOCUMENT_CHECK,
    State.INSPECTION_SCHEDULED,
    State.AWAITING_EXTERNAL_OPINION,
    State.FEES_ASSESSED,
    State.READY_FOR_DELIVERY,
    State.DEEMED_APPROVED,
    State.DEEMED_REFUSED,
    State.GRIEVANCE_FILED,
    State.EXPIRED_UNPAID,
    State.SHELVED,
    State.WITHDRAWN,
)
_DOCUMENTS = 40

Prepare = Callable[[Page], None]


@dataclass(frozen=True)
class Scene:
    """A page, who opens it, and what is done there before it is looked at."""

    name: str
    path: str
    who: str = "nobody"
    prepare: Prepare | None = None


@dataclass(frozen=True)
class Gallery:
    """The scenes, and the cookies of those who may open them."""

    url: str
    scenes: Sequence[Scene]
    people: Mapping[str, Browser]

    def cookies(self, who: str) -> list[Any]:
        if who not in self.people:
            return []
        jar = self.people[who].client.cookies.jar
        return [{"name": c.name, "value": c.value or "", "url": self.url} for c in jar]

    def scene(self, name: str) -> Scene:
        return next(scene for scene in self.scenes if scene.name == name)


def _pay_a_part(page: Page) -> None:
    """Write a part that makes no sense; the other ways stand open as well."""
    page.locator("main details").evaluate_all("all => all.forEach(e => e.open = true)")
    page.locator("[name=amount]").fill("١")
    page.locator("form:has([name=amount]) button").click()
    page.locator(".errors").wait_for()
    page.locator("main details").evaluate_all("all => all.forEach(e => e.open = true)")


def press(page: Page) -> None:
    """Send the page's form as it is: every problem is shown at once."""
    page.locator("main [data-primary]").last.click()
    page.locator(".errors").wait_for()


def _disagree(page: Page) -> None:
    page.locator("[name=letter]").fill("")
    press(page)


def _press_act(act: str) -> Prepare:
    def prepare(page: Page) -> None:
        page.locator(f"form[action$='/{act}'] button").click()
        page.locator(".errors").wait_for()

    return prepare


def _ask_for_money(page: Page) -> None:
    page.locator("[name=note]").fill(NOTE[:250])
    page.locator("main [data-primary]").last.click()
    page.locator("[name=refund]").wait_for(state="attached")


def _open_details(page: Page) -> None:
    for summary in page.locator("main summary").all():
        summary.click()


def _press_cutoff(page: Page) -> None:
    _open_details(page)
    page.locator("main [value=set]").click()
    page.locator(".errors").wait_for()
    _open_details(page)


PUBLIC = [
    Scene("home", "/"),
    Scene("found", "/?q=بناء"),
    Scene("nothing-found", "/?q=لا شيء من هذا"),
    Scene("family", "/services?family=environment-community"),
    Scene("services", "/services"),
    Scene("service", "/services/building-permit-new", prepare=_open_details),
    Scene("service-free", f"/services/{COMPLAINT}"),
    Scene("centers", "/centers"),
    Scene("centers-of", "/centers?governorate=EG-KFS"),
    Scene("track", "/track"),
    Scene("track-errors", "/track", prepare=press),
    Scene("sign-in", "/sign-in"),
    Scene("sign-in-errors", "/sign-in", prepare=press),
    Scene("help", "/help"),
    Scene("privacy", "/privacy"),
    Scene("accessibility", "/accessibility"),
    Scene("messages", "/sandbox/messages"),
    Scene("not-found", "/no/such/page"),
    Scene("verify-wrong", "/verify/nothing"),
    Scene("staff-sign-in", "/center/sign-in"),
    Scene("staff-sign-in-errors", "/center/sign-in", prepare=press),
]


def make_gallery(portal: LocalPortal) -> Gallery:
    """File, pay, work on and lengthen what the scenes show."""
    made = _Maker(portal)
    scenes = [
        *PUBLIC,
        *made.code(),
        *made.drafts(),
        *made.requests(),
        *made.center(),
        *made.refunds(),
        *made.finance(),
        *made.permits(),
        *made.bodies(),
    ]
    return Gallery(portal.url, scenes, made.people)


class _Maker:
    def __init__(self, portal: LocalPortal) -> None:
        self.portal = portal
        self.vault = portal.portal.vault
        self.citizen = portal.someone()
        self.people: dict[str, Browser] = {
            "citizen": self.citizen,
            "newcomer": portal.someone(),
            "filler": portal.someone(),
            "office": portal.employee("front_office"),
            "head": portal.employee("department_head"),
            "officer": portal.employee("department_officer"),
            "viewer": _signed_in(portal, "ministry_viewer", "EG"),
            "member": _signed_in(portal, "committee_member", "KFS-003"),
        }

    def code(self) -> list[Scene]:
        """Somebody who waits for the code of a sign-in."""
        waiting = Citizen(self.portal.url, mobile="01090990001")
        page = waiting.get("/sign-in")
        form = {"national_id": waiting.national_id, "mobile": waiting.mobile}
        waiting.send(page, form, "/sign-in")
        self.people["waiting"] = waiting
        return [
            Scene("code", "/sign-in/code", "waiting"),
            Scene("code-errors", "/sign-in/code", "waiting", press),
        ]

    def drafts(self) -> list[Scene]:
        """Forms with every kind of question; one empty, one with every answer and 40 files."""
        scenes = []
        for service in FORMS:
            draft = begin(self.citizen, service)
            steps = self.portal.portal.catalogue.services[service].steps
            opened = {state.code for state in steps if state.when is None}
            for step in (s for s in steps if s.code in opened):
                path = f"/drafts/{draft}/{step.code}"
                prepare = press if any(f.required for f in step.fields) else None
                scenes.append(Scene(f"{service}-{step.code}", path, "citizen", prepare))
        scenes.append(Scene("tasks", f"/drafts/{draft}", "citizen", _open_details))
        scenes.append(Scene("offer", f"/services/{FORMS[0]}/apply", "citizen"))
        scenes.append(Scene("documents-errors", f"/drafts/{draft}/documents", "citizen", press))
        filler = self.people["filler"]
        assert isinstance(filler, Citizen)
        full = begin(filler)
        answers = self.portal.answers(COMPLAINT, optional=True)
        answer_all(self.portal, filler, full, COMPLAINT, answers)
        upload(filler, full, "national_id_card", [photo()])
        self._many_files(draft_id=full)
        scenes += [
            Scene("tasks-done", f"/drafts/{full}", "filler"),
            Scene("documents", f"/drafts/{full}/documents", "filler"),
            Scene("check", f"/drafts/{full}/check", "filler"),
            Scene("check-errors", f"/drafts/{full}/check", "filler", press),
        ]
        return scenes

    def requests(self) -> list[Scene]:
        """What a citizen sees of requests in many states."""
        portal, citizen = self.portal, self.citizen
        filed = portal.filed(PAID, citizen)
        received = filed.hook("request-number")
        receipt = filed.tree.xpath("//a[contains(@href, '/receipts/')]/@href")[0]
        code = citizen.get(receipt).tree.xpath("//a[contains(@href, '/verify/')]/@href")[0]
        unpaid = citizen.submit(
            citizen.upload_all(citizen.fill(CHEAP, portal.answers(CHEAP)))
        ).hook("request-number")
        payment = citizen.get(f"/requests/{unpaid}/pay")
        link = urlsplit(payment.hook("link")).path
        settled = self._link_of(received)
        citizen.post(payment.path, {**payment.values("/pay"), "channel": "kiosk"})
        session = citizen.send(payment, {}, "/pay").url.rsplit("/", 1)[1]
        asked, refused, issued = (self._filed(COMPLAINT) for _ in range(3))
        office, head = self.people["office"], self.people["head"]
        assert isinstance(office, Employee)
        assert isinstance(head, Employee)
        for number in (asked, refused, issued):
            office.act(number, "register", {})
        office.act(
            asked,
            "completion",
            {"items": "national_id_card", "completion_note": NOTE, "days": "14"},
        )
        for number in (refused, issued):
            office.act(number, "accept", {})
        portal.relay()
        head.act(refused, "refuse", {"reasons": "incomplete", "refusal_note": NOTE})
        head.approve(issued)
        portal.relay()
        self.numbers = {"received": received, "asked": asked, "refused": refused}
        self.numbers["challenged"] = issued
        stamped = self._in_other_states(received)
        self._longer(received)
        self._dearer(unpaid)
        paths = {"received": received, "needs-completion": asked, "refused": refused}
        paths |= {"issued": issued} | stamped
        scenes = [
            Scene(f"request-{name}", f"/requests/{number}", "citizen", _open_details)
            for name, number in paths.items()
        ]
        return [
            *scenes,
            Scene("request-unpaid", f"/requests/{unpaid}", "citizen"),
            Scene("withdraw", f"/requests/{unpaid}/withdraw", "citizen"),
            Scene("pay", f"/requests/{unpaid}/pay", "citizen"),
            Scene("pay-a-part", f"/requests/{unpaid}/pay", "citizen", _pay_a_part),
            Scene("pay-link", link),
            Scene("pay-link-paid", settled),
            Scene("kiosk", f"/requests/{unpaid}/pay/kiosk", "citizen"),
            Scene("waiting", f"/requests/{unpaid}/pay/return?session_id={session}", "citizen"),
            Scene("receipt", urlsplit(receipt).path, "citizen"),
            Scene("verify", urlsplit(code).path),
            Scene("complete", f"/requests/{asked}/complete", "citizen"),
            Scene("complete-errors", f"/requests/{asked}/complete", "citizen", press),
            Scene("grievance", f"/requests/{refused}/grievance", "citizen"),
            Scene("grievance-errors", f"/requests/{refused}/grievance", "citizen", press),
            Scene("list", "/requests", "citizen"),
            Scene("list-none-of-a-kind", "/requests?show=yours", "newcomer"),
            Scene("list-empty", "/requests", "newcomer"),
        ]

    def permits(self) -> list[Scene]:
        """The inquiry about building permits, and the register at the center."""
        known = self.portal.rows(
            select(BuildingPermit.id, BuildingPermit.year, BuildingPermit.number)
            .where(BuildingPermit.center_code == "KFS-003", BuildingPermit.source == "manual")
            .order_by(BuildingPermit.id)
            .limit(5)
        )
        with self.portal.portal.database.begin() as db:
            longer = {"street": f"{WORD} {LATIN}"[:120], "lapse_proposed_on": date(2026, 11, 1)}
            db.execute(
                update(BuildingPermit).where(BuildingPermit.id == known[4].id).values(**longer)
            )
        own, over = (f"/permits/KFS-003/{each.year}/{each.number}" for each in known[1::3])
        return [
            Scene("permits", "/permits"),
            Scene("permits-of", "/permits?governorate=EG-KFS", prepare=_open_details),
            Scene("permits-errors", "/permits?governorate=EG-KFS&number=x"),
            Scene("permits-place-errors", "/permits?place=4711"),
            Scene("permit-over", over),
            Scene("permit-unverified", "/permits/KFS-003/1994/77"),
            Scene("permit-asked", f"{own}/asked", "citizen"),
            Scene("permit-own", own, "citizen"),
            Scene("permit-none", "/permits/KFS-003/2025/99999"),
            Scene("permit-scan", "/permits/scan?code=x"),
            Scene("permits-kept", "/permits/kept"),
            Scene("register", "/center/permits", "head"),
            Scene("register-permit", f"/center/permits/{known[4].id}", "head"),
            Scene("register-enter", "/center/permits/new", "head", press),
            *self._backlog(),
            *self._paper_books(),
        ]

    def _backlog(self) -> list[Scene]:
        """The paper backlog: counted, returned, corrected, sampled, scanned; and from above."""
        self.people["reviewer"] = self.portal.employee("backlog_reviewer")
        self.people["clerk"] = self.portal.employee("backlog_entry")
        self.people["governorate"] = _signed_in(self.portal, "governorate_admin", "EG-KFS")
        vault, now = self.vault, self.portal.clock.now()
        reviewer, at = "backlog_reviewer@KFS-003", "KFS-003"
        with self.portal.portal.database.begin() as db:
            entered = lots.waiting(db, at)
            waiting = next(each for each in entered if each.enterer == "backlog_entry@KFS-003")
            days = (cairo_day(waiting.first), cairo_day(waiting.last))
            lot = lots.make(db, at, reviewer, now, enterer=waiting.enterer, days=days)
            first, second, *_ = (each.permit_id for each in lots.sample_of(db, lot))
            for permit_id, marks in ((first, ["street", "owner"]), (second, [])):
                verdict = "returned" if marks else "accepted"
                permit = permit_register.by_id(db, vault, permit_id)
                lots.judge(db, vault, permit, verdict, NOTE, marks, reviewer, now)
            cutoffs.enter(
                db, ["KFS-012"], cutoffs.KINDS, date(2019, 11, 15), NOTE[:250], reviewer, now
            )
            returned = permit_register.listed(db, at, only="returned")[0].id
        clerk = self.people["clerk"]
        scans = f"/center/permits/{first}/scans"
        name, content, kind = photo()
        files = {"file": (f"{LATIN}{name}", content, kind)}
        clerk.send(clerk.get(scans), {}, "/scans", files=files)
        base = "/center/permits/backlog"
        return [
            Scene("backlog", base, "head", _open_details),
            Scene("backlog-survey", f"{base}/survey", "clerk", press),
            Scene("backlog-lots", f"{base}/lots", "reviewer"),
            Scene("backlog-lot", f"{base}/lots/{lot}", "reviewer", press),
            Scene("backlog-review", f"/center/permits/{second}/review", "reviewer", press),
            Scene("backlog-correct", f"/center/permits/{returned}/correct", "clerk", press),
            Scene("backlog-returned", f"/center/permits/{returned}", "clerk"),
            Scene("backlog-scans", scans, "clerk"),
            Scene("backlog-centers", "/center/admin/backlog", "governorate", _open_details),
            Scene("backlog-cutoffs", "/center/admin/cutoffs", "governorate", _press_cutoff),
        ]

    def _paper_books(self) -> list[Scene]:
        """Files of old permits: to be named, waiting, with problems, imported."""
        head, rounds = self.people["head"], self.portal.loops.imports
        base = "/center/permits/imports"

        heads = f"رقم الترخيص,السنة,نوع الترخيص,القانون,تاريخ الإصدار,الشارع,{WORD}"

        def send(name: str, rows: Sequence[str], *steps: str, heads: str = heads) -> str:
            content = "\n".join([heads, *rows]).encode()
            page = head.send(head.get(base), {}, base, files={"file": (name, content, "text/csv")})
            for step in steps:
                head.send(head.get(page.path), {}, step)
                rounds.run_once()
            return page.path

        good = "9{n},1998,جديد,106,15/3/1998,شارع الجيش,x"
        bad = f"{LATIN},1850,{WORD},{WORD},30/2/1998,,{LATIN}"
        made = send("كشف.csv", [good.format(n=n) for n in range(100, 103)], "/columns", "/import")
        wrong = send(f"{WORD}.csv", [good.format(n=200), *[bad] * 9], "/columns")
        to_name = send("new.csv", [bad, bad], heads=f"{LATIN},,{WORD},1,2,3,4")
        waits = send("waits.csv", [good.format(n=300)])
        head.send(head.get(waits), {}, "/columns")
        return [
            Scene("imports", base, "head"),
            Scene("imports-errors", base, "head", press),
            Scene("import-columns", to_name, "head", _open_details),
            Scene("import-columns-errors", to_name, "head", press),
            Scene("import-waits", waits, "head"),
            Scene("import-wrong", wrong, "head", _open_details),
            Scene("import-done", made, "head", _open_details),
            Scene("import-discard", f"{to_name}/discard", "head"),
        ]

    def bodies(self) -> list[Scene]:
        """Outside bodies: for keepers, for the archive, for who holds an answer."""
        self.people["keeper"] = _signed_in(self.portal, "governorate_admin", "EG-KFS")
        self.people["auditor"] = _signed_in(self.portal, "auditor", "EG-KFS")
        with self.portal.portal.database.begin() as db:
            long = {"name_ar": f"{WORD} {LATIN}"[:120], "webhook_url": "https://news.example.com/"}
            db.execute(update(OutsideBody).where(OutsideBody.code == "kfs-notary").values(long))
        (search,) = self.portal.rows(
            select(BodyInquiry.id).where(BodyInquiry.search_due.is_not(None)).limit(1)
        )
        base, desk = "/center/admin/bodies", "/center/permits/searches"
        return [
            Scene("bodies", base, "keeper"),
            Scene("bodies-new-errors", f"{base}/new", "keeper", press),
            Scene("body", f"{base}/kfs-notary", "keeper", _open_details),
            Scene("body-agree-errors", f"{base}/kfs-water/agree/connection", "keeper", _disagree),
            Scene("body-end-errors", f"{base}/kfs-notary/end?act=revoke", "keeper", press),
            Scene("bodies-log", f"{base}/log", "auditor"),
            Scene("bodies-log-errors", f"{base}/log?first=x", "auditor"),
            Scene("searches", desk, "head"),
            Scene("search-errors", f"{desk}/{search.id}", "head", press),
            Scene("verify-answer", f"/verify/permits/{search.id}"),
            Scene("verify-answer-none", "/verify/permits/nothing"),
            Scene("api-docs", "/api/docs", prepare=_open_details),
        ]

    def center(self) -> list[Scene]:
        """What a center sees."""
        at = self.numbers["received"]
        decided = f"/center/requests/{self.numbers['refused']}"
        fresh = self._filed(COMPLAINT)
        ready = self._filed(PAID)
        office = self.people["office"]
        assert isinstance(office, Employee)
        office.act(ready, "register", {})
        office.act(ready, "accept", {})
        self._overdue(fresh)
        self._challenged(self.numbers["challenged"])
        sheet, proposed, assessed = self._fees()
        there = f"/center/requests/{ready}"
        return [
            Scene("inbox", "/center/inbox", "office"),
            Scene("inbox-stage", "/center/inbox?stage=needs_completion", "office"),
            Scene("inbox-empty", "/center/inbox?q=nothing", "office"),
            Scene("no-inbox", "/center/inbox", "member"),
            Scene("handoff", "/center/admin/handoff", "viewer"),
            Scene("staff-not-found", "/center/requests/26-0000-00000-0", "office"),
            Scene("staff-late", f"/center/requests/{fresh}", "office"),
            Scene("staff-long", f"/center/requests/{at}", "office"),
            Scene("staff-long-head", f"/center/requests/{at}", "head"),
            Scene("staff-decided", decided, "head"),
            Scene("staff-grievance", f"/center/requests/{self.numbers['challenged']}", "head"),
            Scene("staff-decides", there, "head"),
            Scene("staff-approve-errors", there, "head", _press_act("approve")),
            Scene("staff-completion-errors", there, "head", _press_act("completion")),
            Scene("staff-refuse-errors", there, "head", _press_act("refuse")),
            Scene("staff-fees", sheet, "officer", _open_details),
            Scene("staff-fees-errors", sheet, "officer", press),
            Scene("staff-fees-proposed", proposed, "head"),
            Scene("pay-later-stage", f"/requests/{assessed}/pay?over=1", "citizen"),
            Scene("staff-fees-return-errors", proposed, "head", _press_act("return-fees")),
        ]

    def refunds(self) -> list[Scene]:
        """Money that can go back, waits for a second person, could not go back, is disputed."""
        books = Books(self.portal, self._filed(CHEAP))
        twice = books.surplus()
        asked = books.ask(books.surplus(), Money(80_000))
        failed = books.approved(books.surplus(wallet=SALE_ONLY), Money(30_000))
        books.hear_of_dispute(books.paid("pm_card_createDispute"))
        told = books.paid_again(books.paid(number=self._filed(CHEAP)), wallet=SALE_ONLY)
        books.approved(told, Money(30_000))
        books.make()
        books.approved(books.paid_again(told), Money(20_000))
        deposit = books.paid(number=self._filed(CHEAP))
        books.approved(deposit, DEPOSIT, 1)
        books.make()
        receipt = self._receipt_of(deposit.obligation)
        self.people["cashier"] = self.portal.employee("cashier")
        self.people["finance"] = _signed_in(self.portal, "finance_officer", "EG-KFS")
        base = "/center/finance/refunds"
        return [
            Scene("refunds", base, "finance", _open_details),
            Scene("refunds-not-found", f"{base}?q=1", "cashier"),
            Scene("refund-payments", f"{base}/of/{twice.number}", "cashier"),
            Scene("refund-ask-errors", form_of(twice), "cashier", press),
            Scene("refund-confirm", form_of(twice), "cashier", _ask_for_money),
            Scene("refund-reject-errors", f"{base}/{asked}", "finance", _press_act("reject")),
            Scene("refund-failed", f"{base}/{failed}", "cashier"),
            Scene("request-refunds", f"/requests/{told.number}", "citizen"),
            Scene("receipt-refunded", f"/requests/{deposit.number}/receipts/{receipt}", "citizen"),
        ]

    def finance(self) -> list[Scene]:
        """The money of a day: with cases, of one governorate, of no day, to be closed."""
        self.people["ministry"] = _signed_in(self.portal, "finance_officer", "EG")
        today = cairo_day(self.portal.clock.now())
        self.portal.portal.reconciling.run(today)
        base = "/center/finance"
        return [
            Scene("finance", f"{base}?day={today}", "ministry", _open_details),
            Scene("finance-governorate", f"{base}?day={today}", "finance", _open_details),
            Scene("finance-viewer", f"{base}?day={today}", "viewer"),
            Scene("finance-empty", f"{base}?day=2020-01-01", "ministry"),
            Scene("finance-errors", f"{base}?day=x", "ministry"),
            Scene("finance-close", f"{base}/days/{today}/close", "ministry"),
        ]

    def _fees(self) -> tuple[str, str, str]:
        """A sheet of fees with all that a sheet may have, fees that somebody proposed, and the
        number of a request whose fees are to be paid: a code for kiosks has ended there."""
        office, officer = self.people["office"], self.people["officer"]
        assert isinstance(office, Employee)
        services = ("road-occupation-permit", PERMIT, PERMIT)
        numbers = [self._filed(service) for service in services]
        for number in numbers:
            office.act(number, "register", {})
            office.act(number, "accept", {})
        open_, proposed, approved = (f"/center/requests/{number}" for number in numbers)
        departs = {"amount.deposit": "4,500.75", "reason.deposit": NOTE[:400]}
        page = officer.send(officer.get(f"{proposed}/assess"), departs, "/assess")
        assert officer.send(page, {}, "/assess").path == proposed
        self.portal.relay()
        assert officer.send(officer.get(f"{approved}/assess"), {}, "/assess").path == approved
        head = self.people["head"]
        assert isinstance(head, Employee)
        head.act(numbers[-1], "confirm-fees", {})
        self.portal.relay()
        page = self.citizen.get(f"/requests/{numbers[-1]}/pay")
        self.citizen.post(page.path, {**page.values("/pay"), "channel": "kiosk"})
        past = self.portal.clock.now() - timedelta(days=1)
        with self.portal.portal.database.begin() as db:
            owed = _first(db, Obligation, reference=numbers[-1], state="due")
            db.execute(update(Attempt).filter_by(obligation_id=owed.id).values(expires_at=past))
        return f"{open_}/assess", proposed, numbers[-1]

    def _link_of(self, number: str) -> str:
        """The link by which somebody else could have paid for a request."""
        with self.portal.portal.database.read() as db:
            owed = _first(db, Obligation, reference=number)
        return f"/pay/{pay_links.token(self.vault, owed.id)}"

    def _receipt_of(self, obligation: str) -> str:
        with self.portal.portal.database.read() as db:
            return str(_first(db, Receipt, obligation_id=obligation).number)

    def _filed(self, service: str) -> str:
        return self.portal.filed(service, self.citizen).hook("request-number")

    def _many_files(self, **of: Any) -> None:
        """As many documents as a long request has, each with a long name."""
        with self.portal.portal.database.begin() as db:
            one = _first(db, Attachment, **of)
            for number in range(_DOCUMENTS):
                name = f"{WORD if number % 2 else LATIN} {number}.pdf"
                sealed = self.vault.seal("attachments.file_name", name)
                keys = {"id": public_id(), "storage_key": public_id(26)}
                _copy(db, Attachment, one, **keys, pages=number, file_name=sealed)

    def _longer(self, number: str) -> None:
        """A long name, long words and many documents on both sides of the wall."""
        vault = self.vault
        with self.portal.portal.database.begin() as db:
            filed = _first(db, ServiceRequest, number=number)
            answers = _lengthened(vault.open_json(reading.ANSWERS, filed.answers))
            _set(db, ServiceRequest, filed, answers=vault.seal_json(reading.ANSWERS, answers))
            there = _first(db, CenterRequest, request_number=number)
            payload = _lengthened(vault.open_json(folder.PAYLOAD, there.payload))
            payload |= {"warnings": [{"ar": NOTE, "en": NOTE}], "paid": SUM}
            sealed = vault.seal_json(folder.PAYLOAD, payload)
            name = vault.seal(folder.NAME, NAME)
            _set(db, CenterRequest, there, payload=sealed, applicant_name=name)
            document = _first(db, CenterDocument, center_request_id=there.id)
            for index in range(_DOCUMENTS):
                keys = {"id": public_id(), "storage_key": public_id(26)}
                name = vault.seal(folder.FILE_NAME, f"{LATIN}{index}.pdf")
                _copy(db, CenterDocument, document, **keys, file_name=name)
            act = _first(db, CenterAct, center_request_id=there.id)
            _copy(db, CenterAct, act, note=vault.seal(folder.NOTE, NOTE))
        self._many_files(request_id=filed.id)

    def _dearer(self, number: str) -> None:
        """The largest sums, and a line with a word of its own length."""
        with self.portal.portal.database.begin() as db:
            _set(db, ServiceRequest, _first(db, ServiceRequest, number=number), due_now=SUM)
            owed = _first(db, Obligation, reference=number)
            _set(db, Obligation, owed, amount=SUM)
            db.execute(
                update(ObligationLine)
                .filter_by(obligation_id=owed.id, position=0)
                .values(amount=SUM, label_ar=WORD, label_en=LATIN)
            )

    def _overdue(self, number: str) -> None:
        late = cairo_day(self.portal.clock.now()) - timedelta(days=400)
        with self.portal.portal.database.begin() as db:
            _set(db, CenterRequest, _first(db, CenterRequest, request_number=number), due_on=late)

    def _challenged(self, number: str) -> None:
        """A request at its center, as if a grievance had been filed."""
        with self.portal.portal.database.begin() as db:
            row = _first(db, CenterRequest, request_number=number)
            _set(db, CenterRequest, row, state=folder.GRIEVANCE, open=True)

    def _in_other_states(self, number: str) -> dict[str, str]:
        """Copies of a request that stand where no page leads yet, or only time does."""
        made = {}
        with self.portal.portal.database.begin() as db:
            one = _first(db, ServiceRequest, number=number)
            draft = _first(db, Draft, id=one.draft_id)
            past = db.execute(select(HistoryEntry.__table__).filter_by(request_id=one.id))
            entries = past.fetchall()
            for index, state in enumerate(_STATES):
                copy, key = f"26-1315-9{index:04d}-0", public_id()
                _copy(db, Draft, draft, id=key)
                waits = one.submitted_at + timedelta(days=3)
                _copy(
                    db,
                    ServiceRequest,
                    one,
                    number=copy,
                    state=state,
                    draft_id=key,
                    waits_until=waits,
                )
                added = _first(db, ServiceRequest, number=copy)
                for entry in entries:
                    _copy(db, HistoryEntry, entry, request_id=added.id)
                made[state.value.replace("_", "-")] = copy
        return made


def _signed_in(portal: LocalPortal, role: str, place: str) -> Employee:
    made = Employee(portal.url, f"{role}@{place}")
    made.sign_in()
    return made


def _first(db: Connection, table: Any, **where: Any) -> Any:
    """The first row of these values."""
    return db.execute(select(table.__table__).filter_by(**where).limit(1)).one()


def _set(db: Connection, table: Any, row: Any, **values: Any) -> None:
    db.execute(update(table).filter_by(id=row.id).values(values))


def _copy(db: Connection, table: Any, row: Any, **changes: Any) -> None:
    """The row once more; a key that the database counts is counted."""
    values = {**row._mapping, **changes}
    if isinstance(row.id, int):
        values.pop("id")
    db.execute(insert(table).values(values))


def _lengthened(frozen: dict[str, Any]) -> dict[str, Any]:
    """The frozen answers with what people may write at most, and a little more."""
    for section in frozen["sections"]:
        for answer in section["answers"]:
            if answer["code"] == "applicant_name":
                answer["shown"] = {"ar": NAME, "en": NAME}
            elif answer["kind"] in {"text", "textarea"}:
                answer["shown"] = {"ar": f"{WORD} {LATIN}", "en": f"{LATIN} {WORD}"}
    return frozen
