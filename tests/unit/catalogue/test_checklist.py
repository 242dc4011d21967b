"""Documents as a list to tick, and what must be ready before a service and what it leads to."""

import pytest

from portal.catalogue.checklist import checklist
from portal.catalogue.loader import shipped_catalogue

CATALOGUE = shipped_catalogue()


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_the_list_holds_every_document_that_somebody_may_have_to_bring(code: str) -> None:
    service = CATALOGUE.services[code]
    papers = checklist(service)
    listed = [d.code for group in (papers.always, papers.sometimes, papers.optional) for d in group]
    left_out = {d.code for d in service.documents} - set(listed)
    assert len(listed) == len(set(listed))
    # only papers of a capacity in which nobody may apply here
    owners = {"inheritance_decree": "heir", "company_papers": "company_rep"}
    assert left_out == {d for d, capacity in owners.items() if capacity not in service.applicants}
    assert papers.always[0].code == "national_id_card"
    assert all(document.only for document in papers.sometimes)


def test_what_only_some_bring_says_when() -> None:
    papers = checklist(CATALOGUE.services["shop-licence-replacement"])
    when = {document.code: document.only.en for document in papers.sometimes if document.only}
    assert when["loss_report"] == "When the licence is lost"
    assert when["passport"] == "For foreigners"
    optional = checklist(CATALOGUE.services["dilapidated-building-inspection"]).optional
    assert "neighbour_proof" in {document.code for document in optional}


# Facts §2.2 and the sheets: what must be there first
PERMITS = [
    "building-permit-new",
    "building-permit-vertical-extension",
    "building-permit-alteration",
    "building-permit-strengthening",
    "building-permit-restoration",
]
SHOP = ["shop-licence-new", "shop-licence-by-notification"]
DEPOSITS = [s.code for s in CATALOGUE.services.values() if any(f.refundable for f in s.fees)]
NEEDS: dict[str, list[list[str]]] = {
    "building-permit-new": [["site-validity-statement"]],
    "building-permit-vertical-extension": [
        ["site-validity-statement"],
        ["building-permit-new", "reconciliation-request"],
    ],
    "building-permit-alteration": [["site-validity-statement"]],
    "building-permit-renewal": [PERMITS],
    "works-start-notice": [PERMITS],
    "occupancy-certificate-deposit": [PERMITS],
    "building-permit-certified-copy": [PERMITS],
    "reconciliation-balance-payment": [["reconciliation-request"]],
    "reconciliation-works-completion": [["reconciliation-request"]],
    "utilities-connection-letter": [["occupancy-certificate-deposit", "reconciliation-request"]],
    "security-deposit-refund": [DEPOSITS],
    "elevator-installation-licence": [["building-permit-new", "reconciliation-request"]],
    "elevator-operation-licence-renewal": [["elevator-installation-licence"]],
    "shop-licence-amendment": [SHOP],
    "shop-licence-transfer": [SHOP],
    "shop-licence-replacement": [SHOP],
    "advertisement-licence-new": [SHOP],
    "advertisement-licence-renewal": [["advertisement-licence-new"]],
    "road-occupation-permit": [SHOP],
    "building-works-road-occupation": [[*PERMITS, "demolition-permit"]],
    "state-land-legalisation": [[]],
}


@pytest.mark.parametrize("code", CATALOGUE.services)
def test_what_must_be_ready_first_is_what_the_facts_say(code: str) -> None:
    links = CATALOGUE.services[code].requires
    assert [sorted(link.services) for link in links] == [sorted(n) for n in NEEDS.get(code, [])]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("building-permit-alteration", "only when footprint, height or use changes"),
        ("works-start-notice", "two weeks before the start at the latest"),
        ("utilities-connection-letter", "or a valid old permit"),
        ("reconciliation-works-completion", "or Form 10 of law 17/2019"),
        ("elevator-installation-licence", "a temporary licence is possible"),
        ("advertisement-licence-new", "for a shop sign"),
    ],
)
def test_the_notes_of_the_facts_stand_beside_it(code: str, words: str) -> None:
    assert any(words in link.text.en for link in CATALOGUE.services[code].requires)


def test_the_links_lead_both_ways() -> None:
    assert [s.code for s in CATALOGUE.following("site-validity-statement")] == [
        "building-permit-new",
        "building-permit-vertical-extension",
        "building-permit-alteration",
    ]
    for service in CATALOGUE.services.values():
        for other in CATALOGUE.following(service.code):
            assert any(service.code in link.services for link in other.requires)
