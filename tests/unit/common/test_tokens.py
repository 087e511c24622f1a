"""What is not an access token of ours proves nothing, however much it looks like one (RFC 8725)."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from common.auth import TokenVerifier
from common.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE
from common.errors import Unauthenticated
from common.testing import FixedClock, TestKeys

CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": "u", "org": "o", "role": "super_admin", "sid": "s",
    "exp": int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()), "iat": 1.0,
}  # fmt: skip
HEADER = {"alg": ALGORITHM, "typ": TYPE, "kid": "test"}
KEYS = TestKeys()


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token with our own key, and what makes it another one."""
    key = KEYS.known("test")
    assert key is not None
    return jwt.encode(HEADER | (header or {}), CLAIMS | claims, key, [ALGORITHM])


async def refused(token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await TokenVerifier(KEYS, FixedClock()).verify(token)
    return refusal.value.code


def unsigned() -> str:
    return f"{part({'alg': 'none', 'typ': TYPE, 'kid': 'test'})}.{part(CLAIMS)}."


def by_the_public_key_as_a_secret() -> str:
    public = KEYS.published()["keys"][0]["x"]
    return jwt.encode(HEADER | {"alg": "HS256"}, CLAIMS, OctKey.import_key(public), ["HS256"])


def by_a_key_it_brings_along() -> str:
    own = OKPKey.generate_key("Ed25519")
    header = HEADER | {"jwk": own.as_dict(private=False), "jku": "https://evil.example/keys"}
    return jwt.encode(header, CLAIMS, own, [ALGORITHM])


def by_another_key_of_the_same_name() -> str:
    return jwt.encode(HEADER, CLAIMS, OKPKey.generate_key("Ed25519"), [ALGORITHM])


@pytest.mark.parametrize(
    "forged",
    [unsigned, by_the_public_key_as_a_secret, by_a_key_it_brings_along, by_another_key_of_the_same_name],
)
async def test_only_our_signature_counts(forged: Callable[[], str]) -> None:
    assert await refused(forged()) == "token_invalid"


@pytest.mark.parametrize(
    "token",
    [
        signed({"typ": "JWT"}),
        signed({"kid": "unknown"}),
        signed(iss="somebody"),
        signed(aud="another-api"),
        signed(aud=[AUDIENCE, "another-api"]),
        signed(exp="never"),
        signed(role="emperor"),
        signed(via="the window"),
        signed(actions="all"),
        "x" * 5000,
        "",
    ],
)
async def test_a_token_for_something_else_is_none(token: str) -> None:
    assert await refused(token) == "token_invalid"


async def test_a_good_token_holds_for_its_time_and_no_longer() -> None:
    clock = FixedClock()
    token = signed(exp=int((clock.now() + timedelta(minutes=5)).timestamp()))
    assert (await TokenVerifier(KEYS, clock).verify(token)).organisation == "o"
    clock.advance(timedelta(minutes=5, seconds=6))
    assert (
        await refused(signed(exp=int((FixedClock().now() - timedelta(minutes=1)).timestamp())))
        == "token_expired"
    )
    with pytest.raises(Unauthenticated):
        await TokenVerifier(KEYS, clock).verify(token)


@given(some.data())
async def test_no_changed_letter_goes_unnoticed(data: some.DataObject) -> None:
    token = signed()
    place = data.draw(some.integers(0, len(token) - 2))  # the last letter has bits that mean nothing
    letter = data.draw(some.sampled_from("ABCxyz019-_.").filter(lambda one: one != token[place]))
    assert await refused(token[:place] + letter + token[place + 1 :]) == "token_invalid"
