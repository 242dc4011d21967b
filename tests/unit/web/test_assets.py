"""Static files: addresses by content, style sheets that name them, codings that clients take."""

import gzip
import re
from hashlib import sha256
from pathlib import Path

import brotli
import pytest

from portal.web.assets import STATIC_DIR, Assets, accepts


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "plain.woff2").write_bytes(b"font")
    (tmp_path / "icons.svg").write_bytes(b"<svg/>" * 100)
    (tmp_path / "portal.js").write_bytes(b"'use strict'" * 100)
    (tmp_path / "aaa.css").write_bytes(
        b'@font-face{src:url("fonts/plain.woff2")} b{background:url("icons.svg")}'
    )
    (tmp_path / "notes.txt").write_bytes(b"not served")
    return tmp_path


def test_a_file_is_addressed_by_its_content(directory: Path) -> None:
    digest = sha256(b"font").hexdigest()[:12]
    assets = Assets(directory)
    assert assets.address("fonts/plain.woff2") == f"/static/fonts/plain.{digest}.woff2"
    before = assets.address("portal.js")
    (directory / "portal.js").write_bytes(b"other")
    assert Assets(directory).address("portal.js") != before
    assert Assets(directory).address("icons.svg") == assets.address("icons.svg")


def test_a_style_sheet_names_the_others_by_their_addresses(directory: Path) -> None:
    assets = Assets(directory)
    sheet = assets.find(assets.address("aaa.css"))
    assert sheet is not None
    text = sheet.bodies[""].decode()
    assert f'url("{assets.address("fonts/plain.woff2")}")' in text
    assert f'url("{assets.address("icons.svg")}")' in text
    assert 'url("icons.svg")' not in text


def test_a_changed_font_changes_the_address_of_the_style_sheet(directory: Path) -> None:
    before = Assets(directory).address("aaa.css")
    (directory / "fonts" / "plain.woff2").write_bytes(b"another font")
    assert Assets(directory).address("aaa.css") != before


def test_a_style_sheet_that_names_nothing_stops_the_start(directory: Path) -> None:
    (directory / "aaa.css").write_bytes(b'b{background:url("gone.svg")}')
    with pytest.raises(KeyError):
        Assets(directory)


def test_only_whole_addresses_are_found(directory: Path) -> None:
    assets = Assets(directory)
    assert assets.find(assets.address("icons.svg")) is not None
    for path in ("/static/icons.svg", "/static/notes.txt", "/static/../secret", "/static/", ""):
        assert assets.find(path) is None
    with pytest.raises(KeyError):
        assets.address("notes.txt")


def test_bodies_are_the_same_in_every_coding(directory: Path) -> None:
    assets = Assets(directory)
    script = assets.find(assets.address("portal.js"))
    assert script is not None
    assert script.media_type == "text/javascript; charset=utf-8"
    plain = script.bodies[""]
    assert brotli.decompress(script.bodies["br"]) == plain
    assert gzip.decompress(script.bodies["gzip"]) == plain
    assert script.etag == f'"{sha256(plain).hexdigest()[:12]}"'
    font = assets.find(assets.address("fonts/plain.woff2"))
    assert font is not None
    assert font.bodies.keys() == {""}  # packed already


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("br;q=1.0, gzip;q=0.8", "br"),
        ("BR", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.000,gzip", "gzip"),
        ("br;q=0,gzip;q=0", ""),
        ("deflate", ""),
        ("", ""),
        ("identity", ""),
        ("brotli", ""),
    ],
)
def test_a_client_gets_the_best_coding_that_it_takes(
    directory: Path, header: str, coding: str
) -> None:
    assets = Assets(directory)
    script = assets.find(assets.address("portal.js"))
    assert script is not None
    assert script.best(header) == (coding, script.bodies[coding])


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("br", True),
        (" br ", True),
        ("br;q=0.001", True),
        ("br;q=0", False),
        ("br; q=0", False),
        ("br ;q=0.0", False),
        ("br;Q=0", False),
        ("x-br", False),
        ("gzip;q=1, br;q=0", False),
        ("gzip;q=0, br", True),
        (";,;q=0,", False),
        ("*", True),
        ("gzip;q=0.5, *;q=0.1", True),
        ("*;q=0", False),
        ("br;q=0, *", False),
        ("*;q=0, br", True),
    ],
)
def test_a_coding_with_no_quality_is_not_taken(header: str, taken: bool) -> None:
    assert accepts(header, "br") is taken


def test_the_portals_own_style_sheet_names_only_addresses_that_exist() -> None:
    assets = Assets()
    sheets = [p.relative_to(STATIC_DIR).as_posix() for p in STATIC_DIR.rglob("*.css")]
    assert sheets
    for name in sheets:
        sheet = assets.find(assets.address(name))
        assert sheet is not None
        text = sheet.bodies[""].decode()
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", text):
            assert assets.find(address.partition("#")[0]) is not None, address
