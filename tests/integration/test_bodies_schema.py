"""The OpenAPI document of the bodies' interface is true: it names every address, and schemathesis
finds nothing on the real application that it does not promise."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from portal.bodies.refusals import KINDS
from portal.routes.bodies import HANDLERS
from tests.support.bodies import INQUIRIES, USER, open_body
from tests.support.local import LocalPortal
from tests.support.plain import PLAIN

# What a document cannot say (that a center exists, that a cursor is ours) is refused with 422
_CONFIG = """\
[checks]
positive_data_acceptance.expected-statuses = [200, 201, 202, 401, 403, 404, 422, 429]
"""
_KEYS = "/.well-known/jwks.json"


def document(still: LocalPortal) -> dict[str, Any]:
    answer = httpx.get(f"{still.url}/api/schema", trust_env=False, verify=PLAIN)
    assert answer.headers["content-type"] == "application/json"
    assert "public" in answer.headers["cache-control"]
    again = httpx.get(
        f"{still.url}/api/schema",
        headers={"if-none-match": answer.headers["etag"]},
        trust_env=False,
        verify=PLAIN,
    )
    assert (again.status_code, again.content) == (304, b"")
    return dict(answer.json())


def test_the_document_and_the_routes_name_the_same_addresses(still: LocalPortal) -> None:
    served = {
        (re.sub(r"\{(?:\w+_)?(\w+):str\}", r"{\1}", path), method.lower())
        for handler in HANDLERS
        for path in handler.paths
        for method in handler.http_methods
        if method != "OPTIONS"
    }
    described = {
        (path, method) for path, item in document(still)["paths"].items() for method in item
    }
    assert described == served | {(_KEYS, "get")}


def test_the_document_shows_every_refusal_as_it_is_told(still: LocalPortal) -> None:
    shown = {
        example["value"]["type"].rpartition("#problem-")[2]: example["value"]["status"]
        for item in document(still)["paths"].values()
        for operation in item.values()
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for example in content.get("examples", {}).values()
    }
    assert shown == {name: kind.status for name, kind in KINDS.items()}


@pytest.mark.parametrize(
    ("fits", "question"),
    [
        (True, {"center": "KFS-003", "number": "215/2025"}),
        (True, {"center": "KFS-003", "number": {"number": 215, "year": 2025}}),
        (True, {"serial": "0" * 20}),
        (False, {}),
        (False, {"center": "KFS-003"}),
        (False, {"center": "KFS-003", "number": 215}),
        (False, {"center": "KFS-003", "number": "215/2025", "serial": "0" * 20}),
    ],
)
def test_a_question_is_one_of_two_shapes_from_which_clients_are_generated(
    still: LocalPortal, fits: bool, question: dict[str, Any]
) -> None:
    described = document(still)
    for name, more in (("Question", {"user": USER, "reference": "W-1"}), ("Line", {})):
        either = [each["$ref"] for each in described["components"]["schemas"][name]["oneOf"]]
        assert either == [f"#/components/schemas/{name}{by}" for by in ("ByNumber", "BySign")]
        rule = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        assert Draft202012Validator(rule).is_valid({**more, **question}) is fits
    assert (open_body(still).ask(**question).status_code == 201) is fits


def test_schemathesis_finds_nothing(still: LocalPortal, tmp_path: Path) -> None:
    # "0" is the first text that comes to its mind: so more of its questions are answered
    body = open_body(still, users=(USER, "0"))
    (tmp_path / "schemathesis.toml").write_text(_CONFIG, encoding="utf-8")
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "st"),
            "run",
            f"{still.url}/api/schema",
            *("-H", f"Authorization: Bearer {body.token()}"),
            *("--max-examples", "15", "--generation-deterministic", "--no-color"),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    links = re.search(r"API Links: +(\d+) covered", run.stdout)
    assert links, run.stdout
    assert int(links[1]) >= 5  # answered questions and accepted jobs were looked up again
    answered = body.send("GET", INQUIRIES, params={"limit": 100}).json()["inquiries"]
    assert "confirmed_with_remarks" in {each["class"] for each in answered}
