"""Reading the forms of one field: a wallet's phone, a bank account, an e-mail address.

A kiosk asks for nothing, not even a name.
"""

from dataclasses import dataclass

from payments.sandbox.digits import only_digits
from payments.sandbox.forms import Tree
from payments.sandbox.methods import Described, of_account, of_wallet
from payments.sandbox.params import EMAIL
from payments.sandbox.payers import account_of_iban, wallet_of
from payments.sandbox.speech import N_

FIELDS = {
    "wallet": "phone",
    "sepa_debit": "iban",
    "oxxo": "email",
    "boleto": "email",
    "konbini": "email",
}
MAX_EMAIL = 200


@dataclass(frozen=True, slots=True)
class MethodForm:
    """``errors`` holds a message id by field; without any, ``described`` is there."""

    errors: dict[str, str]
    described: Described | None = None
    email: str = ""


def read(kind: str, tree: Tree) -> MethodForm:
    name = FIELDS.get(kind)
    if name is None:
        return MethodForm({}, Described(kind, {}))
    value = tree.get(name, "")
    typed = value.strip() if isinstance(value, str) else ""
    if name == "phone":
        return _of_phone(only_digits(typed).lstrip("+"))
    if name == "iban":
        account = account_of_iban(typed)
        if account is not None:
            return MethodForm({}, of_account(account))
        return MethodForm({name: N_("Only the test accounts on this page are accepted here")})
    if not EMAIL.match(typed) or len(typed) > MAX_EMAIL:
        return MethodForm({name: N_("Write an e-mail address, such as name@example.com")})
    return MethodForm({}, Described(kind, {}), typed)


def _of_phone(digits: str) -> MethodForm:
    wallet = wallet_of(digits)
    if wallet is not None:
        return MethodForm({}, of_wallet(wallet))
    error = N_(
        "Only the test numbers on this page are accepted here. Never write a real mobile number"
    )
    if not digits:
        error = N_("Write the mobile number of the wallet")
    elif not (digits.isascii() and digits.isdigit() and 10 <= len(digits) <= 14):
        error = N_("A mobile number has 11 digits, such as 01000000001")
    return MethodForm({"phone": error})
