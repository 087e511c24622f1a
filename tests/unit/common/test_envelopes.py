"""Envelope encryption: a data key for each secret, under keys that can be replaced."""

import base64
import os

import pytest

from common.sealing import DERIVED, Envelopes, Sealed, read_keys

OLD, NEW = os.urandom(32), os.urandom(32)


def test_what_was_sealed_opens_for_its_purpose_only() -> None:
    envelopes = Envelopes({"k1": OLD})
    sealed = envelopes.seal(b"secret", "camera 1")
    assert envelopes.open(sealed, "camera 1") == b"secret"
    assert b"secret" not in sealed
    with pytest.raises(Sealed):
        envelopes.open(sealed, "camera 2")
    for place in (5, 40, len(sealed) - 1):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Sealed):
            envelopes.open(changed, "camera 1")


def test_a_key_is_replaced_without_touching_the_secrets() -> None:
    sealed = Envelopes({"k1": OLD}).seal(b"secret", "p")
    both = Envelopes({"k2": NEW, "k1": OLD})
    assert (both.current, both.others, Envelopes.key_of(sealed)) == ("k2", ["k1"], "k1")
    assert both.open(sealed, "p") == b"secret"
    again = both.rewrapped(sealed, "p")
    assert Envelopes.key_of(again) == "k2"
    assert again[-20:] == sealed[-20:]
    assert Envelopes({"k2": NEW}).open(again, "p") == b"secret"
    with pytest.raises(Sealed):
        Envelopes({"k2": NEW}).open(sealed, "p")
    with pytest.raises(Sealed):
        both.rewrapped(sealed, "another purpose")


def test_what_is_no_envelope_says_so() -> None:
    assert Envelopes.key_of(b"\x01abc") is None
    with pytest.raises(Sealed):
        Envelopes({"k1": OLD}).open(b"\x01abc", "p")


def test_keys_are_read_in_order_and_checked() -> None:
    old, new = base64.b64encode(OLD).decode(), base64.b64encode(NEW).decode()
    assert list(read_keys(f"k2:{new},\nk1:{old}\n")) == ["k2", "k1"]
    for wrong in (f"k1:{old} k1:{new}", "k1:short", f"k-1:{old}", old, f"{'k' * 41}:{old}"):
        with pytest.raises(ValueError, match=r".+"):
            read_keys(wrong)


def test_the_derived_key_can_stay_in_front_until_everybody_knows_the_first_of_ones_own() -> None:
    new, derived = base64.b64encode(NEW).decode(), {DERIVED: OLD}
    stages = [read_keys(text) | derived for text in ("", f"{DERIVED} k1:{new}", f"k1:{new}")]
    before, meanwhile, after = (Envelopes(keys) for keys in stages)
    assert (before.current, meanwhile.current, after.current) == (DERIVED, DERIVED, "k1")
    for sealing, opening in (
        (before, meanwhile),
        (meanwhile, before),
        (meanwhile, after),
        (after, meanwhile),
    ):
        assert opening.open(sealing.seal(b"secret", "p"), "p") == b"secret"
    for wrong in (f"{DERIVED}:{new}", f"{DERIVED} {DERIVED}"):
        with pytest.raises(ValueError, match="id:key"):
            read_keys(wrong)
