"""The mail catcher: accepts every mail and delivers none, so that development reads them in one place."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count

from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 1000
LARGEST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Mail:
    """One caught mail. `recipients` is the envelope's, which is who would have got it."""

    id: int
    received_at: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str

    def as_json(self) -> dict[str, object]:
        """For the API: times are RFC 3339 in UTC."""
        return asdict(self)


class Mailbox:
    """The last mails, newest last; the oldest is forgotten when a new one comes."""

    def __init__(self, kept: int = KEPT) -> None:
        self._mails: deque[Mail] = deque(maxlen=kept)
        self._ids = count(1)
        self._arrived = asyncio.Condition()

    async def add(self, sender: str, recipients: list[str], content: bytes) -> Mail:
        """Keep a mail; whoever waits for one is woken."""
        message = message_from_bytes(content, policy=policy.default)
        mail = Mail(
            id=next(self._ids),
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            sender=sender,
            recipients=tuple(recipients),
            subject=str(message["subject"] or ""),
            text=_part(message, "plain"),
            html=_part(message, "html"),
        )
        async with self._arrived:
            self._mails.append(mail)
            self._arrived.notify_all()
        return mail

    def newest(self, to: str = "") -> Iterator[Mail]:
        """Newest first; `to` keeps those for one address, in any case of letters."""
        wanted = to.strip().lower()
        return (
            mail
            for mail in reversed(self._mails)
            if not wanted or wanted in (recipient.lower() for recipient in mail.recipients)
        )

    async def wait(self, to: str, after: int, seconds: float) -> list[Mail]:
        """Mails with an id above `after`, newest first; waits up to `seconds` for the first."""

        def new() -> list[Mail]:
            return [mail for mail in self.newest(to) if mail.id > after]

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(new), seconds)
            except TimeoutError:
                return []
            return new()

    def get(self, number: int) -> Mail | None:
        """One mail, or None when it never was or is forgotten."""
        return next((mail for mail in self._mails if mail.id == number), None)

    def clear(self) -> None:
        """Forget all; ids go on."""
        self._mails.clear()


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except (LookupError, UnicodeError):  # an encoding nobody knows: the bytes are still worth a look
        return repr(body.get_payload())


class _Handler:
    """What aiosmtpd calls."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        await self._mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        return "250 caught"


async def listen(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """An SMTP server that fills the mailbox. Errors: OSError when the port is taken."""
    handler = _Handler(mailbox)

    def session() -> SMTP:
        return SMTP(handler, enable_SMTPUTF8=True, data_size_limit=LARGEST_BYTES, hostname="localhost")

    return await asyncio.get_running_loop().create_server(session, host, port)
