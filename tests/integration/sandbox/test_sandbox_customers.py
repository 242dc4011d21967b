"""Customers, and the payment methods that belong to them."""

from typing import Any

import pytest
import stripe

from tests.support.sandbox import event_types

ADDRESS = {"city": "دسوق", "country": "EG", "line1": "شارع الجيش"}


def test_a_customer_keeps_what_is_told_of_it(api: stripe.StripeClient) -> None:
    told: Any = {
        "email": "mona@example.com",
        "name": "منى السيد",
        "phone": "01012345678",
        "address": ADDRESS,
        "shipping": {"name": "منى", "address": ADDRESS},
        "preferred_locales": ["ar"],
        "metadata": {"request": "7"},
    }
    made = api.v1.customers.create(told)
    assert made.id.startswith("cus_")
    kept = api.v1.customers.retrieve(made.id)
    assert kept.to_dict() == made.to_dict()
    assert (kept.email, kept.name, kept.balance, kept.delinquent) == (
        "mona@example.com", "منى السيد", 0, False,
    )  # fmt: skip
    assert kept.address is not None
    assert (kept.address.city, kept.address.postal_code) == ("دسوق", None)
    assert kept.invoice_settings is not None
    assert kept.invoice_settings.default_payment_method is None


def test_an_update_names_what_it_changed(api: stripe.StripeClient) -> None:
    made = api.v1.customers.create({"name": "منى", "phone": "1", "metadata": {"a": "1", "b": "2"}})
    changed = api.v1.customers.update(made.id, {"name": "هدى", "phone": "", "metadata": {"a": ""}})
    assert changed.metadata is not None
    assert (changed.name, changed.phone, changed.metadata.to_dict()) == ("هدى", None, {"b": "2"})
    event = api.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {
        "metadata": {"a": "1"},
        "name": "منى",
        "phone": "1",
    }
    api.v1.customers.update(made.id, {"name": "هدى"})
    assert event_types(api) == ["customer.created", "customer.updated"]


def test_what_a_customer_never_has_is_an_empty_list(api: stripe.StripeClient) -> None:
    made: Any = api.v1.customers.create(
        {"expand": ["sources", "tax_ids", "invoice_settings.default_payment_method"]}
    )
    assert (made.sources.data, made.tax_ids.data) == ([], [])
    api.v1.customers.delete(made.id)
    gone = api.v1.customers.retrieve(
        made.id, {"expand": ["sources", "invoice_settings.default_payment_method"]}
    )
    assert set(gone.to_dict()) == {"id", "object", "deleted"}


def test_customers_are_found_by_email(api: stripe.StripeClient) -> None:
    for name in ("a", "b", "a"):
        api.v1.customers.create({"email": f"{name}@example.com"})
    found = api.v1.customers.list({"email": "a@example.com"}).data
    assert [one.email for one in found] == ["a@example.com"] * 2
    assert len(api.v1.customers.list().data) == 3


def test_a_deleted_customer_is_remembered_as_deleted_only(api: stripe.StripeClient) -> None:
    made = api.v1.customers.create({"email": "a@example.com", "payment_method": "pm_card_visa"})
    method = api.v1.customers.payment_methods.list(made.id).data[0]
    gone: Any = api.v1.customers.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "customer", "deleted": True}
    assert api.v1.customers.retrieve(made.id).to_dict() == gone.to_dict()
    assert api.v1.customers.list().data == []
    assert api.v1.payment_methods.retrieve(method.id).customer is None
    for call in (api.v1.customers.delete, lambda one: api.v1.customers.update(one, {"name": "x"})):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call(made.id)
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert event_types(api)[-1] == "customer.deleted"


def test_a_card_is_attached_listed_and_detached(api: stripe.StripeClient) -> None:
    owner, other = api.v1.customers.create(), api.v1.customers.create()
    card = api.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    assert card.customer == owner.id
    again = api.v1.payment_methods.attach(card.id, {"customer": owner.id})
    assert again.id == card.id
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        api.v1.payment_methods.attach(card.id, {"customer": other.id})
    mine = api.v1.customers.payment_methods.list(owner.id, {"type": "card"})
    assert [one.id for one in mine.data] == [card.id]
    assert api.v1.payment_methods.list({"customer": owner.id, "type": "card"}).data[0].id == card.id
    assert api.v1.payment_methods.list({"customer": other.id}).data == []
    assert api.v1.customers.payment_methods.retrieve(owner.id, card.id).id == card.id
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        api.v1.customers.payment_methods.retrieve(other.id, card.id)
    api.v1.customers.update(owner.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert api.v1.payment_methods.detach(card.id).customer is None
    settings = api.v1.customers.retrieve(owner.id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="detachment is impossible"):
        api.v1.payment_methods.detach(card.id)
    event = api.v1.events.list({"type": "payment_method.detached"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"customer": owner.id}


def test_a_card_its_bank_refuses_cannot_be_kept(api: stripe.StripeClient) -> None:
    owner = api.v1.customers.create()
    with pytest.raises(stripe.CardError) as refused:
        api.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": owner.id})
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    assert api.v1.customers.payment_methods.list(owner.id).data == []


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"email": "mona"}, "email_invalid", "email"),
        ({"address": "دسوق"}, None, "address"),
        ({"address": {"town": "x"}}, "parameter_unknown", "address[town]"),
        ({"shipping": {"address": ADDRESS}}, "parameter_missing", "shipping[name]"),
        ({"balance": "1.5"}, "parameter_invalid_integer", "balance"),
        ({"tax_exempt": "perhaps"}, None, "tax_exempt"),
        ({"payment_method": "pm_0"}, "resource_missing", "payment_method"),
        ({"nmae": "x"}, "parameter_unknown", "nmae"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 41}]"),
    ],
)
def test_what_a_customer_cannot_be_is_refused_by_name(
    api: stripe.StripeClient, params: Any, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.customers.create(params)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert api.v1.customers.list().data == []
