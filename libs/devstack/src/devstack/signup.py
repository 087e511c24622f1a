"""The demo organisation: signed up as any customer is, over the public API and a real mail."""

import asyncio
import re
import uuid
from pathlib import Path
from typing import Any

import aiohttp

ORGANISATION = "Demo organisation"
_CODE = re.compile(r"^\s*([A-Z0-9]{4,12}(?:-[A-Z0-9]{4,12})*)\s*$", re.MULTILINE)
_LABELLED = re.compile(r"code[^\n:]*:\s*([A-Za-z0-9-]{4,40})", re.IGNORECASE)
_MAIL_WITHIN = 20.0


class SignUpFailedError(RuntimeError):
    """The demo organisation could not be signed up; the message says at which step."""


async def ensure_owner(gateway: str, mail: str, email: str, password: str, remembered: Path) -> bool:
    """Sign up and activate unless an earlier run did; True when it was done now.

    `remembered` lies with the data, so that a reset forgets both. Errors: SignUpFailedError.
    """
    if remembered.exists() and remembered.read_text() == email:
        return False
    try:
        async with (
            asyncio.timeout(_MAIL_WITHIN + 20),
            aiohttp.ClientSession() as session,
        ):
            await _sign_up(session, gateway, mail, email, password)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SignUpFailedError(f"sign-up: {error or type(error).__name__}") from error
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(email)
    return True


async def _sign_up(
    session: aiohttp.ClientSession, gateway: str, mail: str, email: str, password: str
) -> None:
    last = await _newest_mail(session, mail, email, after=0, wait=0)
    form = {
        "organisation_name": ORGANISATION,
        "first_name": "Demo",
        "last_name": "Owner",
        "email": email,
        "country": "CZ",
        "time_zone": "Europe/Prague",
        "currency": "EUR",
        "language": "en",
        "accept_terms": True,
        "accept_privacy": True,
    }
    await _post(session, f"{gateway}/api/v1/organisations", form)
    arrived = await _newest_mail(
        session, mail, email, after=int(last["id"]) if last else 0, wait=_MAIL_WITHIN
    )
    if arrived is None:
        raise SignUpFailedError(f"no mail to {email} within {_MAIL_WITHIN:g} s")
    body = {"email": email, "code": code_in(str(arrived["text"])), "password": password}
    await _post(session, f"{gateway}/api/v1/activations", body)


def code_in(text: str) -> str:
    """The code in the text of a mail: after a label (`...code: X`), or alone on a line."""
    found = _LABELLED.search(text) or _CODE.search(text)
    if found is None:
        raise SignUpFailedError("the mail holds no code")
    return found.group(1)


async def _newest_mail(
    session: aiohttp.ClientSession, mail: str, to: str, *, after: int, wait: float
) -> dict[str, Any] | None:
    query = {"to": to, "after": str(after), "wait": str(wait)}
    async with session.get(f"{mail}/api/messages", params=query) as answer:
        answer.raise_for_status()
        mails: list[dict[str, Any]] = await answer.json()
    return mails[0] if mails else None


async def _post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    async with session.post(url, json=body, headers=headers) as answer:
        if answer.status >= 400:
            raise SignUpFailedError(f"{url} answered {answer.status}: {(await answer.text())[:500]}")
