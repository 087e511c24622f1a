"""The mail server, by SMTP (RFC 5321)."""

import hashlib
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from ssl import SSLError
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from common.clock import Clock
from identity.domain.mails import Letter
from identity.service.mails import NotNow, Undeliverable

TIMEOUT = 15.0
"""Seconds for each step with the server."""
PERMANENT = 500
"""Answers from here on are a no for good (RFC 5321, 4.2.1)."""


def compose(letter: Letter, sender: str, clock: Clock) -> EmailMessage:
    """The message on the wire. `EmailMessage` refuses line breaks in headers, so no value can add one."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(clock.now())
    # The same cause gives the same id: should a mail go out twice (we died between the server's yes and
    # our own record of it), mail programs show one.
    digest = hashlib.sha256(letter.id.encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


class SmtpCarrier:
    """Carries one letter per connection; VEDETTE_SMTP_URL says where to and how."""

    def __init__(self, url: str, sender: str, clock: Clock) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "smtps"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (465 if self._secure else 25)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        # None: TLS when the server offers it.
        self._starttls = {"starttls=required": True, "starttls=never": False}.get(parts.query)
        self._sender = sender
        self._clock = clock

    async def carry(self, letter: Letter) -> None:
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            use_tls=self._secure,
            start_tls=False if self._secure else self._starttls,
            timeout=TIMEOUT,
        )
        try:
            async with client:
                await client.send_message(compose(letter, self._sender, self._clock))
        except (SMTPException, OSError, SSLError, TimeoutError) as error:
            if _refused_for_good(error):
                raise Undeliverable(_plain(error)) from None
            raise NotNow(_plain(error)) from None


def _refused_for_good(error: Exception) -> bool:
    """The recipient is refused with a 5xx. Other permanent answers (a wrong password of ours, a policy) may
    be repaired by an operator within the day."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(refused.code >= PERMANENT for refused in error.recipients)
    return isinstance(error, SMTPRecipientRefused) and error.code >= PERMANENT


def _plain(error: Exception) -> str:
    """For the log: the server's code, not its words, which may repeat address or content."""
    if isinstance(error, SMTPRecipientsRefused):
        return f"recipient refused: {sorted({refused.code for refused in error.recipients})}"
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__} {error.code}"
    return type(error).__name__
