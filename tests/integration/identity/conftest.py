"""A real SMTP server that keeps what it gets."""

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope


class Catcher:
    """Takes every letter, unless the recipient begins with `refused` (for good) or `later` (for now)."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self.url = ""

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused"):
            return "550 no such mailbox"
        if address.startswith("later"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.put_nowait(letter)
        return "250 taken"

    async def next(self) -> EmailMessage:
        return await asyncio.wait_for(self.letters.get(), 15)

    async def next_code(self) -> str:
        part = (await self.next()).get_body(("plain",))
        assert part is not None
        found = re.search(r"^    (\S+)\s*$", part.get_content(), re.MULTILINE)
        assert found
        return found[1]


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    caught = Catcher()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(caught, hostname="catcher.example"), "127.0.0.1", 0
    )
    caught.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield caught
