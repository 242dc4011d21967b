"""Pages of questions: made once with blanks, and yet what each citizen typed stands in them."""

import re

import pytest

from portal.catalogue.loader import shipped_catalogue
from portal.clock import public_id
from portal.identity.sessions import citizen_of
from portal.requests import drafts
from tests.support.answers import Choose, first, last
from tests.support.local import LocalPortal
from tests.support.looking import only_the_words, raw
from tests.support.people import Citizen

SERVICES = sorted(shipped_catalogue().services)


def _begin(portal: LocalPortal, citizen: Citizen, service: str, choose: Choose) -> str:
    """A draft with every answer typed, optional ones as well."""
    parts, now = portal.portal, portal.clock.now()
    answers = portal.answers(service, choose, optional=True)
    with parts.database.begin() as db:
        session = citizen_of(db, parts.vault, citizen.client.cookies["sid"], now)
        assert session is not None
        found = parts.catalogue.services[service]
        return drafts.begin(db, parts.vault, session.citizen_id, found, public_id(), answers, now)


def _page(citizen: Citizen, path: str) -> str:
    """The page without what is new in each answer; empty when it is not asked."""
    return only_the_words(raw(citizen, "GET", path), "?_=1").replace("…", "")


@pytest.mark.parametrize("index", range(len(SERVICES)), ids=SERVICES)
def test_a_page_with_blanks_filled_in_is_the_page_rendered_as_a_whole(
    still: LocalPortal, index: int
) -> None:
    service, citizen = SERVICES[index], still.someone()
    language, choose = [("", first), ("/en", last)][index % 2]
    draft = _begin(still, citizen, service, choose)
    for step in still.portal.catalogue.services[service].steps:
        path = f"{language}/drafts/{draft}/{step.code}"
        # an address that says more is rendered anew
        assert _page(citizen, path) == _page(citizen, f"{path}?_=1")


def test_nothing_of_one_citizen_stays_in_the_page_of_another(still: LocalPortal) -> None:
    seen = []
    for name in ("فاطمة حسن علي محمود", 'سعيد "أبو الخير" <b>عبد الله</b>'):
        citizen = still.someone()
        draft = citizen.get("/services/municipal-complaint/apply")
        citizen.send(draft, {"applicant_name": name, "national_id": "not a number"})
        page = citizen.get(draft.url)
        assert page.form().fields["applicant_name"] == name
        assert page.form().fields["national_id"] == "not a number"
        seen.append((draft.path, raw(citizen, "GET", draft.path).text))
    (one, his), (other, hers) = seen
    assert "فاطمة" in his
    assert "فاطمة" not in hers
    assert "<b>" not in hers
    assert one in his
    assert other in hers
    assert one not in hers
    tokens = [re.findall(r'name="_csrf" value="([^"]+)"', page) for page in (his, hers)]
    assert tokens[0]
    assert not set(tokens[0]) & set(tokens[1])
