"""Reading the mail catcher, as a person reads their mail."""

import re
from typing import Any

import aiohttp

_CODE = re.compile(r"^\s*([A-Z0-9]{4,12}(?:-[A-Z0-9]{4,12})*)\s*$", re.MULTILINE)
_LABELLED = re.compile(r"(?:code|one-time password)[^\n:]*:\s*([A-Za-z0-9-]{4,40})", re.IGNORECASE)
ARRIVES_WITHIN = 20.0


class NoMailError(RuntimeError):
    """No mail came, or it holds no code."""


class Inbox:
    """The mail of one address."""

    def __init__(self, http: aiohttp.ClientSession, catcher: str, address: str) -> None:
        self.address = address
        self._http, self._catcher = http, catcher

    async def newest_id(self) -> int:
        """Id of the newest mail, 0 when there is none: what comes later has a higher one."""
        mails = await self._mails(after=0, wait=0)
        return int(mails[0]["id"]) if mails else 0

    async def after(self, mail: int) -> dict[str, Any]:
        """The newest mail with an id above `mail`; waits for it. Errors: NoMailError."""
        mails = await self._mails(after=mail, wait=ARRIVES_WITHIN)
        if not mails:
            raise NoMailError(f"no mail to {self.address} within {ARRIVES_WITHIN:g} s")
        return mails[0]

    async def _mails(self, *, after: int, wait: float) -> list[dict[str, Any]]:
        query = {"to": self.address, "after": str(after), "wait": str(wait)}
        async with self._http.get(f"{self._catcher}/api/messages", params=query) as answer:
            answer.raise_for_status()
            mails: list[dict[str, Any]] = await answer.json()
        return mails


def code_in(text: str) -> str:
    """The code in the text of a mail: after a label (`...code: X`), or alone on a line.

    Errors: NoMailError.
    """
    found = _LABELLED.search(text) or _CODE.search(text)
    if found is None:
        raise NoMailError("the mail holds no code")
    return found.group(1)
