"""Key-encryption keys are replaced, and even another master key leaves what lasts for years readable."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from common.sealing import Envelopes, Sealed, read_keys
from common.testing import MemoryHouse
from identity.domain.authenticators import totp_purpose
from stories.identity.crowd import Crowd
from stories.identity.portal import Portal, served
from stories.identity.test_authenticators import Ada


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = key("k1"), key("k2")


@asynccontextmanager
async def started(house: MemoryHouse, *keys: str) -> AsyncIterator[Portal]:
    """Identity with these keys. Every start has another master key, as if the one before had been lost."""
    async with served(house, key_encryption_keys=SecretStr(" ".join(keys))) as portal:
        yield portal


async def with_app(portal: Portal) -> Ada:
    await portal.with_account()
    ada = Ada(portal, (await portal.signed_in())["access_token"])
    await ada.add_app()
    return ada


def lasting(portal: Portal) -> list[dict[str, Any]]:
    return [*portal.rows("authenticators"), *portal.rows("signing_keys")]


async def test_a_replaced_key_leaves_nothing_under_the_old_one_and_everything_works() -> None:
    house = MemoryHouse()
    async with started(house, OLD) as portal:
        before = await with_app(portal)
        assert [row["sealed_under"] for row in lasting(portal)] == ["k1", "k1"]
        published = await portal.client.get("/.well-known/jwks.json")
        keys = await published.json()
    async with started(house, NEW, OLD) as portal:
        await Crowd(portal).due("rewrapping")
        assert [row["sealed_under"] for row in lasting(portal)] == ["k2", "k2"]
        # Whoever has got hold of the old key and of the database has nothing.
        (app,) = portal.rows("authenticators")
        with pytest.raises(Sealed):
            Envelopes(read_keys(OLD)).open(app["totp"]["sealed"], totp_purpose(app["_id"]))
    async with started(house, NEW) as portal:
        assert await (await portal.client.get("/.well-known/jwks.json")).json() == keys
        # A token of before is good to its end, and the app on her phone goes on showing the right codes.
        assert (await portal.get("authenticators", before.token))[0] == 200
        ada = Ada(portal, "")
        ada.secret = before.secret
        status, tokens = await ada.verify(factor="totp", code=ada.code)
        assert status == 200
        assert (await portal.get("me", tokens["access_token"]))[0] == 200


async def test_an_authenticator_that_is_used_stays_under_its_key() -> None:
    house = MemoryHouse()
    async with started(house, OLD) as portal:
        ada = await with_app(portal)
        assert (await ada.verify(factor="totp", code=ada.code))[0] == 200
        (row,) = portal.rows("authenticators")
    assert row["sealed_under"] == "k1"
    opened = Envelopes(read_keys(OLD)).open(row["totp"]["sealed"], totp_purpose(row["_id"]))
    assert opened.decode() == ada.secret
