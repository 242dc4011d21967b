"""Paper books as files: sent, named, checked, imported whole or not at all, taken back."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from lxml import etree
from sqlalchemy import func, select, update

from portal.bodies.model import BodyInquiry
from portal.permits import importing
from portal.permits.import_rounds import ImportRounds
from portal.permits.model import (
    BuildingPermit,
    ImportState,
    PermitAct,
    PermitImport,
    PermitImportRow,
    PermitOwner,
)
from portal.text import fold_digits
from tests.support.answers import NATIONAL_ID
from tests.support.files import photo
from tests.support.local import LocalPortal
from tests.support.people import Browser, Employee, Page
from tests.support.sheets import workbook

CENTER = "KFS-003"
BASE = "/center/permits/imports"
HEADINGS = ["رقم الترخيص", "السنة", "نوع الترخيص", "القانون", "تاريخ الإصدار", "الشارع", "المالك"]
_NUMBERS = iter(range(700_001, 900_000))


@pytest.fixture
def local(still: LocalPortal) -> LocalPortal:
    return still


@pytest.fixture
def clerk(local: LocalPortal) -> Employee:
    return local.employee("backlog_entry")


def row(number: int | str, **more: str) -> list[str]:
    """A good row, or one with other cells."""
    typed = {
        "number": str(number),
        "year": "١٩٩٨",
        "type": "بناء جديد",
        "law": "القانون ١٠٦ لسنة ١٩٧٦",
        "on": "١٥/٣/١٩٩٨",
        "street": "شارع الجيش",
        "owner": "منى السيد",
    }
    return list({**typed, **more}.values())


def table(*rows: list[str], headings: list[str] = HEADINGS) -> bytes:
    made = io.StringIO()
    csv.writer(made).writerows([headings, *rows])
    return made.getvalue().encode()


def send(who: Employee, content: bytes, name: str = "كشف.csv") -> Page:
    files = {"file": (name, content, "application/octet-stream")}
    return who.send(who.get(BASE), {}, BASE, files=files)


def rounds(local: LocalPortal) -> ImportRounds:
    return local.loops.imports


def checked(local: LocalPortal, who: Employee, content: bytes, name: str = "كشف.csv") -> Page:
    """Sent, its columns named as they were suggested, and checked."""
    page = send(who, content, name)
    assert page.status == 200, page.errors()
    page = who.send(page, {}, "/columns")
    assert page.status == 200, page.errors()
    rounds(local).run_once()
    return who.get(page.path)


def imported(local: LocalPortal, who: Employee, page: Page, **changes: str) -> Page:
    page = who.send(page, changes, "/import")
    assert page.hook("import-state") == "importing", page.errors()
    rounds(local).run_once()
    return who.get(page.path)


def permits(local: LocalPortal, page: Page) -> list[tuple[object, ...]]:
    """What the register has of a file: number, year, letter, state, source, who entered it."""
    rows = local.rows(
        select(
            BuildingPermit.number,
            BuildingPermit.year,
            BuildingPermit.letter,
            BuildingPermit.status,
            BuildingPermit.source,
            BuildingPermit.entered_by,
        )
        .where(BuildingPermit.import_id == int(page.path.rsplit("/", 1)[1]))
        .order_by(BuildingPermit.id)
    )
    return [tuple(each) for each in rows]


def wrong(page: Page) -> list[tuple[str, str]]:
    """Row and field of every problem that is shown."""
    return [
        (str(each.get("data-row")), str(each.get("data-problem")))
        for each in page.tree.xpath("//*[@data-problem]")
    ]


def test_a_file_is_sent_named_checked_and_imported_and_waits_for_a_review(
    local: LocalPortal, clerk: Employee
) -> None:
    first, second = next(_NUMBERS), next(_NUMBERS)
    content = table(row(first), row(f"{second}/م لسنة ١٩٩٨", year=""))
    page = send(clerk, content)
    assert page.hook("import-state") == "mapping"
    assert page.values("/columns")["column-0"] == ["number"]
    assert "منى السيد" in page.text, "the first values are shown to who sent them"
    waiting = clerk.send(page, {}, "/columns")
    assert waiting.hook("import-state") == "checking"
    assert waiting.tree.xpath("//noscript"), "it looks again without a script, too"
    rounds(local).run_once()
    page = clerk.get(waiting.path)
    assert (page.hook("rows"), page.hook("good"), page.hook("bad")) == ("2", "2", "0")
    assert permits(local, page) == []
    page = imported(local, clerk, page)
    assert page.hook("import-state") == "imported"
    who = "backlog_entry@KFS-003"
    assert permits(local, page) == [
        (first, 1998, "", "manual_unverified", "backlog", who),
        (second, 1998, "م", "manual_unverified", "backlog", who),
    ]
    assert Browser(local.url).get(f"/permits/{CENTER}/1998/{first}").hook("answer") == "unverified"
    ((permit_id,),) = local.rows(select(BuildingPermit.id).where(BuildingPermit.number == first))
    acts = local.rows(
        select(PermitAct.act, PermitAct.actor).where(PermitAct.permit_id == permit_id)
    )
    assert [tuple(act) for act in acts] == [("enter", who)]
    reviewer = local.employee("backlog_reviewer")
    shown = reviewer.get(f"/center/permits/{permit_id}")
    accepted = reviewer.send(shown, {"act": "review", "on": "2026-11-01"}, shown.path)
    assert accepted.hook("status") == "valid_not_started"
    assert local.rows(select(func.count()).select_from(PermitImportRow))[0][0] == 0


def test_every_problem_is_told_at_once_with_its_row_and_nothing_is_imported(
    local: LocalPortal, clerk: Employee
) -> None:
    good, double = next(_NUMBERS), next(_NUMBERS)
    page = checked(
        local,
        clerk,
        table(
            row(good),
            row("abc", type="قلعة", on="30/2/1998", street=""),
            row(double),
            [""],
            row(double),
        ),
    )
    assert wrong(page) == [
        ("3", "number"),
        ("3", "permit_type"),
        ("3", "issued_on"),
        ("3", "street"),
        ("6", "number"),
    ]
    assert (page.hook("good"), page.hook("bad")) == ("2", "2")
    assert "30/2/1998" in page.text
    refused = clerk.send(page, {}, "/import")
    assert (refused.status, [where for where, _ in refused.errors()]) == (422, ["only_good"])
    rounds(local).run_once()
    assert permits(local, page) == []
    assert wrong(clerk.get(f"{page.path}?field=issued_on")) == [("3", "issued_on")]

    said = clerk.client.get(f"{local.url}{page.path}/problems").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(said)))
    assert [line[0] for line in lines[1:]] == ["3", "3", "3", "3", "6"]
    assert lines[3][3] == "30/2/1998"
    left = clerk.client.get(f"{local.url}{page.path}/rows").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(left)))
    assert lines[0][: len(HEADINGS)] == HEADINGS
    assert [line[0] for line in lines[1:]] == ["abc", str(double)]

    page = imported(local, clerk, page, only_good="yes")
    assert [number for number, *_ in permits(local, page)] == [good, double]


def test_rows_that_contradict_each_other_are_both_told_and_neither_is_imported(
    local: LocalPortal, clerk: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.permits.import_rounds._BATCH", 2)
    good, first, second = (next(_NUMBERS) for _ in range(3))
    page = checked(
        local,
        clerk,
        table(
            row(first),
            row(second),
            row(second, street="شارع النيل"),  # in another batch than the row it contradicts
            row(good),
            row(first, owner="شخص آخر", on="16/3/1998"),
            row(good),
        ),
    )
    assert wrong(page) == [
        ("2", "issued_on"),
        ("2", "owner"),
        ("3", "street"),
        ("4", "street"),
        ("6", "issued_on"),
        ("6", "owner"),
        ("7", "number"),
    ]
    assert (page.hook("good"), page.hook("bad")) == ("1", "5")
    page = imported(local, clerk, page, only_good="yes")
    assert [number for number, *_ in permits(local, page)] == [good]


def test_what_the_register_has_already_is_told_apart_from_what_contradicts_it(
    local: LocalPortal, clerk: Employee
) -> None:
    same, other, new = next(_NUMBERS), next(_NUMBERS), next(_NUMBERS)
    page = checked(local, clerk, table(row(same), row(other)))
    imported(local, clerk, page)
    again = checked(
        local, clerk, table(row(same), row(other, street="شارع النيل"), row(new), headings=HEADINGS)
    )
    assert (again.hook("there"), again.hook("good"), again.hook("bad")) == ("1", "1", "1")
    assert wrong(again) == [("3", "street")]


def test_the_same_file_twice_a_double_press_and_a_killed_worker_import_it_once(
    local: LocalPortal, clerk: Employee
) -> None:
    numbers = [next(_NUMBERS) for _ in range(3)]
    content = table(*map(row, numbers))
    page = send(clerk, content)
    assert send(clerk, content, "other name.csv").path == page.path
    clerk.send(page, {}, "/columns")
    # a worker has it in hand and is gone: another one takes it up when its minute is over
    rounds(local)._take()
    assert rounds(local).run_once() == 0
    with local.portal.database.begin() as db:
        earlier = local.clock.now() - timedelta(seconds=1)
        db.execute(update(PermitImport).values(claimed_until=earlier))
    assert rounds(local).run_once() == 1
    ready = clerk.get(page.path)
    pressed = clerk.send(ready, {}, "/import")
    assert clerk.send(ready, {}, "/import").path == pressed.path
    rounds(local).run_once()
    assert clerk.send(ready, {}, "/import").hook("import-state") == "imported"
    assert rounds(local).run_once() == 0
    assert [number for number, *_ in permits(local, page)] == numbers
    assert send(clerk, content).hook("import-state") == "imported"


def test_what_somebody_enters_between_check_and_import_is_found_and_nothing_is_half(
    local: LocalPortal, clerk: Employee
) -> None:
    first, second = next(_NUMBERS), next(_NUMBERS)
    page = checked(local, clerk, table(row(first), row(second)))
    other = checked(local, clerk, table(row(second, street="شارع النيل")))
    clerk.send(page, {}, "/import")
    imported_before = clerk.send(other, {}, "/import")
    assert imported_before.hook("import-state") == "importing"
    with local.portal.database.begin() as db:  # the later one is worked on first
        db.execute(
            update(PermitImport)
            .where(PermitImport.id == int(page.path.rsplit("/", 1)[1]))
            .values(uploaded_at=local.clock.now() + timedelta(seconds=1))
        )
    rounds(local).run_once()
    assert len(permits(local, other)) == 1
    rounds(local).run_once()
    assert permits(local, page) == []
    rounds(local).run_once()
    shown = clerk.get(page.path)
    assert shown.hook("import-state") == "checked"
    assert wrong(shown) == [("3", "street")]


def test_an_import_is_taken_back_until_somebody_has_reviewed_a_permit_of_it(
    local: LocalPortal, clerk: Employee
) -> None:
    numbers = [next(_NUMBERS), next(_NUMBERS)]
    headings = [*HEADINGS, "الرقم القومي"]
    rows = [[*row(number), NATIONAL_ID] for number in numbers]
    page = imported(local, clerk, checked(local, clerk, table(*rows, headings=headings)))
    owners = select(func.count()).select_from(PermitOwner)
    had = local.rows(owners)[0][0]
    unexplained = clerk.send(page, {"reason": ""}, "/withdraw")
    assert [where for where, _ in unexplained.errors()] == ["reason"]
    back = clerk.send(page, {"reason": "الكشف لمركز آخر"}, "/withdraw")
    assert back.hook("import-state") == "withdrawn"
    assert "الكشف لمركز آخر" in back.text
    assert permits(local, page) == []
    assert local.rows(owners)[0][0] == had - 2

    page = imported(local, clerk, checked(local, clerk, table(*rows, headings=headings)))
    ((permit_id,),) = local.rows(
        select(BuildingPermit.id).where(BuildingPermit.number == numbers[0])
    )
    reviewer = local.employee("backlog_reviewer")
    shown = reviewer.get(f"/center/permits/{permit_id}")
    reviewer.send(shown, {"act": "review", "on": "2026-11-01"}, shown.path)
    late = clerk.send(page, {"reason": "خطأ"}, "/withdraw")
    assert late.status == 409
    assert len(permits(local, page)) == 2


def test_a_workbook_says_where_formulas_and_joined_cells_stand(
    local: LocalPortal, clerk: Employee
) -> None:
    joined = [next(_NUMBERS) for _ in range(3)]
    rows: list[list[object]] = [[*HEADINGS]]
    rows += [[*row(number)] for number in joined]
    rows[1][1], rows[1][4] = 1998.0, 35869  # a year as programs keep it, a day as Excel counts
    page = checked(
        local, clerk, workbook(rows, formulas={"A3": "=1+1"}, merged=["F4:F9"]), "كشف.xlsx"
    )
    assert wrong(page) == [("3", "number"), ("4", "street")]
    assert "F4:F9" in page.text
    assert (page.hook("good"), page.hook("bad")) == ("1", "2")


def test_a_file_of_headings_alone_is_told_so(local: LocalPortal, clerk: Employee) -> None:
    page = checked(local, clerk, table())
    assert page.hook("import-state") == "failed"
    assert "ليس تحتها صفوف" in page.text


def test_rows_that_a_quotation_mark_took_in_are_not_lost_unseen(
    local: LocalPortal, clerk: Employee
) -> None:
    first, second, third = (next(_NUMBERS) for _ in range(3))
    lines = [",".join(row(number)) for number in (first, second, third)]
    lines[0] = lines[0].replace(",شارع", ',"شارع')
    lines[1] = lines[1].replace("الجيش,", 'الجيش",')
    page = checked(local, clerk, "\r\n".join([",".join(HEADINGS), *lines]).encode())
    assert wrong(page) == [("2", "number")]
    assert "علامة تنصيص" in page.text
    assert (page.hook("good"), page.hook("bad")) == ("1", "1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "الملف فارغ"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "صفحة إنترنت"),
        (b"%PDF-1.4\n" + b"letters\n" * 50, "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "XLSX"),
        (workbook([["a"]], parts={"xl/vbaProject.bin": b"x"}), "وحدات ماكرو"),
        (b"PK\x03\x04 no archive", "تالف"),
        (bytes(range(256)) * 20, "CSV"),
    ],
    ids=["empty", "page", "pdf", "old", "macros", "broken", "no table"],
)
def test_what_is_no_table_is_refused_in_words_and_kept_nowhere(
    local: LocalPortal, clerk: Employee, content: bytes, said: str
) -> None:
    before = len(list(local.portal.permit_files.keys()))
    page = send(clerk, content)
    assert page.status == 422
    ((where, text),) = page.errors()
    assert where == "file"
    assert said in text
    assert len(list(local.portal.permit_files.keys())) == before


def test_columns_are_named_wholly_and_once_and_remembered_for_the_same_headings(
    local: LocalPortal, clerk: Employee
) -> None:
    headings = ["أ", "ب", "ج", "د"]
    content = table(["1/1998", "1998-03-15", "x", "y"], headings=headings)
    page = send(clerk, content)
    refused = clerk.send(page, {"column-0": "number", "column-1": "number"}, "/columns")
    assert refused.status == 422
    wrong_at = {where for where, _ in refused.errors()}
    assert wrong_at == {"column-1", "column-0", "assumed-permit_type", "assumed-legal_regime"}
    named = {
        "column-0": "number",
        "column-1": "issued_on",
        "column-2": "street",
        "column-3": "",
        "assumed-permit_type": "new",
        "assumed-legal_regime": "106/1976",
    }
    clerk.send(page, named, "/columns")
    rounds(local).run_once()
    assert clerk.get(page.path).hook("good") == "1"
    other = table(["2/1998", "1998-03-15", "x", "z"], headings=headings)
    again = send(clerk, other).values("/columns")
    assert {name: again[name] for name in named} == {n: [v] for n, v in named.items()}


def test_letters_separator_and_the_row_of_the_headings_can_be_chosen(
    local: LocalPortal, clerk: Employee
) -> None:
    number = next(_NUMBERS)
    lines = ["كشف رخص المركز", ";".join(HEADINGS), ";".join(row(number))]
    page = send(clerk, fold_digits("\r\n".join(lines)).encode("windows-1256"))
    read = page.values("/reading")
    assert (read["encoding"], read["separator"], read["heading_row"]) == (
        ["windows-1256"],
        ["semicolon"],
        ["2"],
    )
    wrongly = clerk.send(page, {"encoding": "utf-8"}, "/reading")
    assert wrongly.status == 422
    apart = clerk.send(page, {"heading_row": "99"}, "/reading")
    assert [where for where, _ in apart.errors()] == ["heading_row"]
    clerk.send(clerk.send(page, {}, "/reading"), {}, "/columns")
    rounds(local).run_once()
    assert clerk.get(page.path).hook("good") == "1"


def test_only_who_enters_permits_of_the_center_comes_near_its_files(
    local: LocalPortal, clerk: Employee
) -> None:
    page = checked(local, clerk, table(row(next(_NUMBERS), on="x")))
    for role in ("backlog_reviewer", "front_office", "unit_head"):
        other = local.employee(role)
        assert other.get(BASE).status == 403, role
        assert other.get(page.path).status == 403, role
    elsewhere = local.employee("backlog_entry", "KFS-004")
    for path in ("", "/columns", "/problems", "/rows"):
        assert elsewhere.get(page.path + path).status == 404, path
    assert page.path not in elsewhere.client.get(local.url + BASE).text
    colleague = local.employee("department_head")
    shown = colleague.get(page.path)
    assert wrong(shown) == [("2", "issued_on")]
    assert "شارع الجيش" not in colleague.get(f"{page.path}/columns").text
    assert colleague.get(f"{page.path}/rows").status == 404


def test_a_file_that_is_given_up_is_checked_no_more(local: LocalPortal, clerk: Employee) -> None:
    page = clerk.send(send(clerk, table(row(next(_NUMBERS)))), {}, "/columns")
    asked = clerk.get(f"{page.path}/discard")
    assert asked.hook("import-state") == ImportState.CHECKING, "asking gives nothing up"
    clerk.send(asked, {}, "/discard")
    assert rounds(local).run_once() == 0
    assert clerk.get(page.path).hook("import-state") == ImportState.DISCARDED
    with local.portal.database.read() as db:
        book = importing.find(db, local.portal.vault, CENTER, int(page.path.rsplit("/", 1)[1]))
    assert not book.importable
    assert book.row["discarded_by"] == clerk.username
    again = clerk.get(f"{page.path}/discard")
    assert again.path == page.path, "there is nothing left to give up"


def test_the_template_is_a_file_that_can_be_sent(local: LocalPortal, clerk: Employee) -> None:
    for kind in ("csv", "xlsx"):
        answer = clerk.client.get(f"{local.url}{BASE}/template?kind={kind}")
        assert f'filename="permits.{kind}"' in answer.headers["content-disposition"]
        page = checked(local, clerk, answer.content, f"permits.{kind}")
        assert (page.hook("good"), page.hook("bad")) == ("2", "0"), wrong(page)
        clerk.send(clerk.get(f"{page.path}/discard"), {}, "/discard")
    assert clerk.client.get(f"{local.url}{BASE}/template?kind=exe").status_code == 404


def test_rows_to_be_mended_come_as_a_workbook_of_texts_and_are_mended_in_it(
    local: LocalPortal, clerk: Employee
) -> None:
    number = next(_NUMBERS)
    hostile = '=HYPERLINK("https://example.com")'
    bad = row(number, on="31/2/1998", street="٥/٩٨\x0b<&", owner=hostile)
    page = checked(local, clerk, table(row(next(_NUMBERS)), bad))
    answer = clerk.client.get(f"{local.url}{page.path}/rows?kind=xlsx")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
        assert archive.testzip() is None
    assert b"<f>" not in sheet, "no cell is a formula, whatever it says"
    tree = etree.fromstring(sheet)
    texts = tree.xpath("//*[local-name()='row'][2]//*[local-name()='t']/text()")
    assert texts[5:7] == ["٥/٩٨<&", hostile], "nothing is put before it, and it stays what it was"
    assert "31/2/1998" in texts
    again = checked(local, clerk, answer.content, "rows.xlsx")
    assert wrong(again) == [("2", "issued_on")], "what is behind the row is left out by itself"
    mended = answer.content
    with zipfile.ZipFile(io.BytesIO(mended)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"31/2/1998", b"3/2/1998")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    good = checked(local, clerk, made.getvalue(), "rows.xlsx")
    assert (good.hook("good"), good.hook("bad")) == ("1", "0"), wrong(good)


def test_what_is_in_the_way_of_taking_an_import_back_is_told_one_by_one(
    local: LocalPortal, clerk: Employee
) -> None:
    numbers = [next(_NUMBERS) for _ in range(3)]
    page = imported(local, clerk, checked(local, clerk, table(*map(row, numbers))))
    ids = [
        local.rows(select(BuildingPermit.id).where(BuildingPermit.number == number))[0][0]
        for number in numbers
    ]
    Browser(local.url).get(f"/permits/{CENTER}/1998/{numbers[0]}")
    assert "reason" in clerk.get(page.path).values("/withdraw"), "being asked about is nothing"
    scans = f"/center/permits/{ids[0]}/scans"
    clerk.send(clerk.get(scans), {}, "/scans", files={"file": photo()})
    reviewer = local.employee("backlog_reviewer")
    shown = reviewer.get(f"/center/permits/{ids[1]}/review")
    marked = {"verdict": "returned", "reason": "خطأ", "marks": ["street"]}
    reviewer.send(shown, marked, "/review")
    told = clerk.get(page.path)
    assert (told.hook("scanned"), told.hook("worked-on")) == ("1", "1")
    assert not told.hooks("in-lots")
    assert not told.hooks("matters")
    proof = {**clerk.get(BASE).values(BASE), "reason": "خطأ"}
    refused = clerk.post(f"{page.path}/withdraw", proof)
    assert (refused.status, refused.hook("scanned")) == (409, "1")
    assert len(permits(local, page)) == 3


def test_a_lot_that_was_drawn_is_named_where_an_import_would_be_taken_back(
    local: LocalPortal, clerk: Employee
) -> None:
    page = imported(
        local, clerk, checked(local, clerk, table(*(row(next(_NUMBERS)) for _ in range(3))))
    )
    reviewer = local.employee("backlog_reviewer")
    lots = reviewer.get("/center/permits/backlog/lots")
    proof = lots.values(lots.path) | {"import_id": page.path.rsplit("/", 1)[1]}
    lot = reviewer.post(lots.path, proof)
    told = clerk.get(page.path)
    assert told.hook("in-lots") == "3"
    assert told.tree.xpath(f"//a[@href='{lot.path}']")


def test_words_that_nobody_knows_are_said_once_for_all_rows_and_remembered(
    local: LocalPortal, clerk: Employee
) -> None:
    headings = [*HEADINGS, "الاستخدام"]
    rows = [[*row(next(_NUMBERS), type="إنشاء دور"), "شقق"] for _ in range(4)]
    page = checked(local, clerk, table(*rows, headings=headings))
    assert (page.hook("good"), page.hook("bad")) == ("0", "4")
    assert set(page.hooks("word")) == {"permit_type انشا دور", "building_use شقق"}
    nothing = clerk.send(page, {}, "/words")
    assert (nothing.status, [where for where, _ in nothing.errors()]) == (422, ["word-0"])
    codes = {"permit_type": "vertical_extension", "building_use": "residential"}
    said = {
        name.replace("of-", "word-"): codes[str(word[0]).split()[0]]
        for name, word in page.values("/words").items()
        if name.startswith("of-")
    }
    unknown_code = clerk.send(page, {**said, "word-0": "castle"}, "/words")
    rounds(local).run_once()
    half = clerk.get(page.path)
    assert (unknown_code.status, half.hook("bad")) == (200, "4"), "a code of no list is none"
    said = {
        name.replace("of-", "word-"): codes[str(word[0]).split()[0]]
        for name, word in half.values("/words").items()
        if name.startswith("of-")
    }
    clerk.send(half, said, "/words")
    rounds(local).run_once()
    good = clerk.get(page.path)
    assert (good.hook("good"), good.hook("bad")) == ("4", "0")
    assert len(good.hooks("ready")) == 4, "the first rows as they will be entered"
    imported(local, clerk, good)
    kinds = local.rows(
        select(BuildingPermit.permit_type, BuildingPermit.building_use).where(
            BuildingPermit.import_id == int(page.path.rsplit("/", 1)[1])
        )
    )
    assert {tuple(each) for each in kinds} == {("vertical_extension", "residential")}
    rest = [[*row(next(_NUMBERS), type="إنشاء دور"), "شقق"]]
    following = checked(local, clerk, table(*rest, headings=headings))
    assert following.hook("good") == "1", "the next file with the same headings is understood"


def test_an_import_says_whose_paper_it_is_and_counts_for_that_department(
    local: LocalPortal, clerk: Employee
) -> None:
    heads = [*HEADINGS, "رقم الملف"]
    page = send(clerk, table([*row(next(_NUMBERS)), "12"], headings=heads))
    wrong_one = clerk.send(page, {"department": "castle"}, "/columns")
    assert [where for where, _ in wrong_one.errors()] == ["department"]
    page = clerk.send(page, {"department": "reconciliation"}, "/columns")
    rounds(local).run_once()
    page = imported(local, clerk, clerk.get(page.path))
    assert page.hook("department") == "reconciliation"
    found = local.rows(
        select(BuildingPermit.file_department, BuildingPermit.file_no).where(
            BuildingPermit.import_id == int(page.path.rsplit("/", 1)[1])
        )
    )
    assert [tuple(each) for each in found] == [("reconciliation", "12")]
    following = send(clerk, table([*row(next(_NUMBERS)), "13"], headings=heads))
    assert following.values("/columns")["department"] == ["reconciliation"]


def test_what_contradicts_the_register_is_counted_and_leads_to_what_stands_there(
    local: LocalPortal, clerk: Employee
) -> None:
    number = next(_NUMBERS)
    imported(local, clerk, checked(local, clerk, table(row(number))))
    ((permit_id,),) = local.rows(select(BuildingPermit.id).where(BuildingPermit.number == number))
    page = checked(local, clerk, table(row(number, street="شارع النيل"), row("x")))
    assert (page.hook("contradicting"), page.hook("bad")) == ("1", "2")
    assert len(page.tree.xpath(f"//a[@href='/center/permits/{permit_id}']")) == 1


def test_a_words_form_of_another_center_is_as_missing_as_the_file(
    local: LocalPortal, clerk: Employee
) -> None:
    page = checked(local, clerk, table(row(next(_NUMBERS), type="إنشاء دور")))
    other = local.employee("backlog_entry", "KFS-004")
    proof = other.get(BASE).values(BASE)
    for act in ("words", "discard", "import", "columns", "withdraw"):
        assert other.post(f"{page.path}/{act}", proof).status == 404, act
    assert other.get(f"{page.path}/discard").status == 404
    colleague = local.employee("department_officer")
    assert not colleague.get(page.path).hooks("word"), "words are cells: for who sent them"


def test_a_body_that_waits_for_a_search_keeps_its_question_when_an_import_is_taken_back(
    local: LocalPortal, clerk: Employee
) -> None:
    page = imported(local, clerk, checked(local, clerk, table(row(next(_NUMBERS)))))
    of_import = select(BuildingPermit.id).where(
        BuildingPermit.import_id == int(page.path.rsplit("/", 1)[1])
    )
    waiting = select(BodyInquiry.id).where(BodyInquiry.search_due.is_not(None)).limit(1)
    with local.portal.database.begin() as db:
        inquiry = db.scalar(waiting)
        keys = db.scalar(select(BodyInquiry.keys).where(BodyInquiry.id == inquiry))
        asked = update(BodyInquiry).where(BodyInquiry.id == inquiry)
        db.execute(asked.values(permit_id=db.scalar(of_import)))
    back = clerk.send(clerk.get(page.path), {"reason": "الكشف لمركز آخر"}, "/withdraw")
    assert back.hook("import-state") == "withdrawn", back.errors()
    ((permit_id, kept, searched_at),) = local.rows(
        select(BodyInquiry.permit_id, BodyInquiry.keys, BodyInquiry.searched_at).where(
            BodyInquiry.id == inquiry
        )
    )
    assert (permit_id, kept, searched_at) == (None, keys, None)
