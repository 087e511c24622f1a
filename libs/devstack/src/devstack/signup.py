"""The demo organisation: signed up as any customer is, over the public API and a real mail."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import aiohttp

from devstack.inbox import ARRIVES_WITHIN, Inbox, NoMailError, code_in
from devstack.suite import Suite


class SignUpFailedError(RuntimeError):
    """The demo organisation could not be signed up; the message says at which step."""


def form(email: str, organisation: str = "Demo organisation", last_name: str = "Owner") -> dict[str, Any]:
    """The customer information form (ID-52), filled in, both boxes ticked."""
    return {
        "organisation_name": organisation,
        "first_name": "Demo",
        "last_name": last_name,
        "email": email,
        "country": "CZ",
        "time_zone": "Europe/Prague",
        "currency": "EUR",
        "language": "en",
        "accept_terms": True,
        "accept_privacy": True,
    }


async def demo_owner(suite: Suite) -> str:
    """Sign the demo organisation up when it is not there; why that failed, if it did."""
    remembered = suite.folder.data / "demo-owner"
    owner = suite.owner
    try:
        await ensure_owner(suite.gateway_url, suite.mail_url, owner.email, owner.password, remembered)
    except SignUpFailedError as error:
        return str(error)
    return ""


async def ensure_owner(gateway: str, mail: str, email: str, password: str, remembered: Path) -> bool:
    """Sign up and activate unless an earlier run did; True when it was done now.

    `remembered` lies with the data, so that a reset forgets both. Errors: SignUpFailedError.
    """
    if remembered.exists() and remembered.read_text() == email:
        return False
    try:
        async with (
            asyncio.timeout(ARRIVES_WITHIN + 20),
            aiohttp.ClientSession() as session,
        ):
            await _sign_up(session, gateway, Inbox(session, mail, email), password)
    except (aiohttp.ClientError, TimeoutError, NoMailError) as error:
        raise SignUpFailedError(f"sign-up: {error or type(error).__name__}") from error
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(email)
    return True


async def _sign_up(session: aiohttp.ClientSession, gateway: str, inbox: Inbox, password: str) -> None:
    last = await inbox.newest_id()
    await _post(session, f"{gateway}/api/v1/organisations", form(inbox.address))
    arrived = await inbox.after(last)
    body = {"email": inbox.address, "code": code_in(str(arrived["text"])), "password": password}
    await _post(session, f"{gateway}/api/v1/activations", body)


async def _post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    async with session.post(url, json=body, headers=headers) as answer:
        if answer.status >= 400:
            raise SignUpFailedError(f"{url} answered {answer.status}: {(await answer.text())[:500]}")
