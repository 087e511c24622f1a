"""Stripe's amounts and signatures; the signatures are checked against Stripe's own package."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stripe import WebhookSignature

from common.errors import Unauthenticated
from licensing.clients.stripe_money import THOUSANDTHS, WHOLE, chargeable, from_stripe, to_stripe
from licensing.clients.stripe_signature import TOLERANCE, must_be_signed
from licensing.settings import Settings

SECRET = "whsec_unit"
CURRENCIES = sorted({"EUR", "USD", "CZK", "GBP", "ISK", "UGX", "HUF", "RSD", "TWD"} | WHOLE | THOUSANDTHS)


@pytest.mark.parametrize(
    ("amount", "currency", "theirs"),
    [
        (1234, "EUR", 1234),
        (800, "JPY", 800),
        (5120, "KWD", 5120),
        (500, "ISK", 50_000),  # no decimals here, two there
        (500, "UGX", 50_000),
    ],
)
def test_amounts_in_stripes_units(amount: int, currency: str, theirs: int) -> None:
    assert to_stripe(amount, currency) == theirs
    assert from_stripe(theirs, currency) == amount


@given(st.integers(1, 10**12), st.sampled_from(CURRENCIES))
def test_what_is_chargeable_is_the_least_that_pays_in_full_and_comes_back_as_it_went(
    amount: int, currency: str
) -> None:
    asked = chargeable(amount, currency)
    assert 0 <= asked - amount < 10
    assert from_stripe(to_stripe(asked, currency), currency) == asked


def test_no_amount_is_cut() -> None:
    with pytest.raises(ValueError, match="cannot be charged"):
        to_stripe(5125, "KWD")
    with pytest.raises(ValueError, match="no whole minor units"):
        from_stripe(50_001, "ISK")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(TOLERANCE, 10**11))
def test_what_stripes_own_package_signs_is_accepted_within_the_tolerance_only(text: str, at: int) -> None:
    header = WebhookSignature.generate_signature_header(text, SECRET, at)
    body = text.encode()
    for now in (at - TOLERANCE, at, at + TOLERANCE):
        must_be_signed(body, header, SECRET.encode(), now)
        must_be_signed(body, f"{header},v1=00,v0=1", SECRET.encode(), now)
    for now in (at - TOLERANCE - 1, at + TOLERANCE + 1):
        with pytest.raises(Unauthenticated):
            must_be_signed(body, header, SECRET.encode(), now)
    with pytest.raises(Unauthenticated):
        must_be_signed(body, header, b"whsec_other", at)
    with pytest.raises(Unauthenticated):
        must_be_signed(body + b"\n", header, SECRET.encode(), at)


@given(st.text(max_size=100), st.binary(max_size=50))
def test_no_header_breaks_the_reader(header: str, body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        must_be_signed(body, header, SECRET.encode(), 0)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.stripe.com", True),
        ("http://127.0.0.1:8420", True),
        ("http://localhost:8420", True),
        ("http://api.stripe.com", False),
        ("http://169.254.169.254", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://user:word@evil.example", False),
        ("https://evil.example/path", False),
        ("https://evil.example?x=", False),
        ("https://evil.example\n", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_the_secret_key_goes_to_an_address_of_the_settings_over_tls(url: str, allowed: bool) -> None:
    known = {
        "environment": "production",
        "master_key": base64.b64encode(bytes(32)).decode(),
        "stripe_url": url,
    }
    if allowed:
        assert Settings.model_validate(known).stripe_url == url
    else:
        with pytest.raises(ValidationError):
            Settings.model_validate(known)


def test_no_secret_is_shown() -> None:
    known = {
        "master_key": base64.b64encode(bytes(32)).decode(),
        "stripe_secret_key": "sk_live_x",
        "stripe_webhook_secret": "whsec_x",
    }
    shown = repr(Settings.model_validate(known))
    assert "sk_live_x" not in shown
    assert "whsec_x" not in shown
