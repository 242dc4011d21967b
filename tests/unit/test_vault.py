"""Sealed values: they open at their place with a known key, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.vault import SealBroken, Vault

OLD, NEW, STRANGE = "o" * 40, "n" * 40, "s" * 40
PLACE = "drafts.answers"


@pytest.fixture
def vault() -> Vault:
    return Vault([NEW, OLD])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=50, derandomize=True, deadline=None)
def test_what_was_sealed_opens_again(text: str) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(PLACE, text)
    assert vault.open(PLACE, sealed) == text
    assert len(text) < 4 or text.encode() not in sealed


def test_json_keeps_its_shape_and_its_arabic(vault: Vault) -> None:
    value = {"الاسم": "منى", "rows": [{"a": "1"}, {}], "none": None, "yes": True}
    assert vault.open_json(PLACE, vault.seal_json(PLACE, value)) == value


def test_the_same_text_is_never_sealed_the_same_way(vault: Vault) -> None:
    assert vault.seal(PLACE, "29001018800018") != vault.seal(PLACE, "29001018800018")


def test_a_value_that_was_moved_to_another_column_does_not_open(vault: Vault) -> None:
    sealed = vault.seal("citizens.mobile", "+201012345678")
    with pytest.raises(SealBroken):
        vault.open("citizens.national_id", sealed)


def test_no_flipped_bit_goes_unnoticed(vault: Vault) -> None:
    sealed = vault.seal(PLACE, "منى")
    for index in range(len(sealed)):
        for bit in (1, 128):
            changed = bytearray(sealed)
            changed[index] ^= bit
            with pytest.raises(SealBroken):
                vault.open(PLACE, bytes(changed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"\0" * 40, b"plain text"])
def test_what_was_never_sealed_does_not_open(vault: Vault, sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        vault.open(PLACE, sealed)


def test_a_value_without_its_end_does_not_open(vault: Vault) -> None:
    sealed = vault.seal(PLACE, "منى")
    for length in (len(sealed) - 1, len(sealed) - 16, 17, 12, 8, 5):
        with pytest.raises(SealBroken):
            vault.open(PLACE, sealed[:length])


def test_the_error_names_the_place_and_not_the_value(vault: Vault) -> None:
    with pytest.raises(SealBroken) as caught:
        vault.open(PLACE, b"29001018800018")
    assert str(caught.value) == PLACE


def test_after_a_rotation_the_old_key_still_reads(vault: Vault) -> None:
    before = Vault([OLD]).seal(PLACE, "منى")
    assert vault.open(PLACE, before) == "منى"
    assert not vault.is_current(before)
    assert vault.is_current(vault.seal(PLACE, "منى"))


def test_without_the_old_key_old_values_are_lost(vault: Vault) -> None:
    before = Vault([OLD]).seal(PLACE, "منى")
    with pytest.raises(SealBroken):
        Vault([NEW]).open(PLACE, before)
    with pytest.raises(SealBroken):
        vault.open(PLACE, Vault([STRANGE]).seal(PLACE, "منى"))


def test_the_index_of_a_value_is_the_same_each_time_and_different_by_kind(vault: Vault) -> None:
    mobile = vault.index("mobile", "+201012345678")
    assert mobile == Vault([NEW]).index("mobile", "+201012345678")
    assert mobile != vault.index("national_id", "+201012345678")
    assert mobile != vault.index("mobile", "+201012345679")
    assert mobile != Vault([STRANGE]).index("mobile", "+201012345678")
    assert len(mobile) == 32


def test_kind_and_value_cannot_run_into_each_other(vault: Vault) -> None:
    assert vault.index("ab", "c") != vault.index("a", "bc")


def test_an_index_made_before_a_rotation_is_found(vault: Vault) -> None:
    before = Vault([OLD]).index("mobile", "+201012345678")
    assert before != vault.index("mobile", "+201012345678")
    assert before in vault.indexes("mobile", "+201012345678")
    assert vault.indexes("mobile", "+201012345678")[0] == vault.index("mobile", "+201012345678")
    assert vault.is_index("mobile", "+201012345678", before)
    assert not vault.is_index("mobile", "+201012345679", before)
    assert not vault.is_index("otp", "+201012345678", before)


def test_signing_keys_are_of_one_purpose_and_the_first_key_signs(vault: Vault) -> None:
    keys = vault.signing_keys("document links")
    assert Vault([OLD]).signing_keys("document links")[0] in keys[1:]
    assert not set(keys) & set(vault.signing_keys("other"))
    assert not set(keys) & set(Vault([STRANGE]).signing_keys("document links"))


def test_seals_indexes_signatures_and_masks_share_no_bytes(vault: Vault) -> None:
    made = {
        vault.index("csrf", "x").hex(),
        vault.signing_keys("csrf")[0].hex(),
        vault.mask_key("z").hex(),
        vault.mask_keys("z")[1].hex(),
    }
    assert len(made) == 4
    assert vault.mask_keys("z")[0] == vault.mask_key("z")
