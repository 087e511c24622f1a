"""Signing in with a real OpenID provider, in a process of its own, that is not of our making."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr

from common.testing import FixedClock, MemoryHouse
from stories.identity.portal import Portal, served


@pytest.fixture
async def provider() -> AsyncIterator[str]:
    """Address of a running oidc-provider-mock that knows Grace."""
    claims = {
        "sub": "grace",
        "email": "grace@navy.example",
        "email_verified": True,
        "given_name": "Grace",
        "family_name": "Hopper",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oidc_provider_mock", "--port", "0", "--host", "127.0.0.1", "--require-nonce",
        "--user-claims", json.dumps(claims),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(30):
            while (found := re.search(rb"http://[\w.]+:(\d+)", said)) is None:
                line = await process.stdout.readline()
                assert line, said.decode()
                said += line
        drain = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{found[1].decode()}"
        process.terminate()
        await drain
    finally:
        if process.returncode is None and b"http" not in said:
            process.kill()
        await process.wait()


async def visit(url: str) -> dict[str, str]:
    """What Grace does at her provider; returns what her browser comes back with."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data={"sub": "grace"}, allow_redirects=False) as sent,
    ):
        assert sent.status == 302, await sent.text()
        location = urlsplit(sent.headers["Location"])
        assert location.netloc == "portal.example"
        return dict(parse_qsl(location.query))


async def trip(portal: Portal, path: str, token: str = "") -> tuple[int, dict[str, Any]]:
    signed = {"Authorization": f"Bearer {token}"} if token else {}
    status, left = await portal.post(path, {"provider": "navy"}, **signed)
    assert status == 201, left
    back = await visit(left["authorization_url"])
    body = {"proof": left["proof"], "state": back["state"], "code": back["code"], "iss": back.get("iss")}
    return await portal.post(f"{path}/{left['id']}/complete", body, **signed)


async def test_connect_then_sign_in_with_the_account_at_the_provider(provider: str) -> None:
    told = [
        {"id": "navy", "name": "Navy", "issuer": provider, "client_id": "vedette", "client_secret": "s3cret"}
    ]
    house = MemoryHouse(clock=FixedClock(datetime.now(UTC)))
    async with served(house, openid_providers=SecretStr(json.dumps(told))) as portal:
        status, step = await trip(portal, "federated-sign-ins")
        assert (status, step["status"]) == (200, "sign_up")
        assert step["person"]["email"] == "grace@navy.example"

        await portal.with_account()
        tokens = await portal.signed_in()
        status, connected = await trip(portal, "me/connected-accounts", tokens["access_token"])
        assert (status, connected["email"]) == (201, "grace@navy.example")
        await portal.mailbox.next()

        status, step = await trip(portal, "federated-sign-ins")
        assert (status, step["status"]) == (200, "second_factor")
        code = await portal.mailbox.next_code()
        status, tokens = await portal.post(f"sign-ins/{step['challenge']['id']}/verify", {"code": code})
        assert (status, tokens["status"]) == (200, "signed_in")
