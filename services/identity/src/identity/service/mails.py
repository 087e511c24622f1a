"""The post office: mails are saved with their cause and carried out right after, or later, never lost."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.clock import Clock
from common.errors import Stale
from identity.domain.accounts import Language
from identity.domain.mails import GIVE_UP, KEPT, Letter, Mail, Template, Value
from identity.service.secrets import Secrets

BATCH = 16
"""Mails carried side by side."""
CARRY_SECONDS = 45.0
"""Less than a mail stays in one sender's hands (`HELD`), so that no second one takes it meanwhile."""
MAILS = Counter("vedette_identity_mails_total", "Mails, by what became of a try to send them", ["result"])
log = structlog.get_logger("mails")


class Undeliverable(Exception):
    """The mail server will never take this mail (an address that does not exist)."""


class NotNow(Exception):
    """The mail server did not take it this time."""


class Carrier(Protocol):
    """Takes a letter to the mail server; `Undeliverable` or `NotNow` when it cannot."""

    async def carry(self, letter: Letter) -> None: ...


class MailStore(Protocol):
    async def next_mail_due(self) -> datetime | None: ...

    async def mails_due(self, now: datetime, limit: int) -> list[Mail]: ...

    async def save(self, *things: Mail) -> None: ...


class PostOffice:
    def __init__(
        self,
        store: MailStore,
        secrets: Secrets,
        clock: Clock,
        write: Callable[[Mail, Mapping[str, str]], Letter],
        carrier: Carrier,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._write = write
        self._carrier = carrier
        self.nudge: Callable[[], None] = lambda: None
        """Called after a mail was saved: it leaves at once. Set to the due loop's by `app`."""

    def mail(
        self,
        identity: str,
        template: Template,
        language: Language,
        to: str,
        values: Mapping[str, Value] | None = None,
        *,
        time_zone: str | None = None,
        code: str | None = None,
        worthless_at: datetime | None = None,
    ) -> Mail:
        """A mail to be saved in the same change as its cause. `identity` is made from the cause."""
        now = self._clock.now()
        give_up = now + GIVE_UP
        return Mail(
            id=identity,
            template=template,
            language=language,
            to=to,
            time_zone=time_zone,
            values=dict(values or {}),
            sealed=self._secrets.seal(json.dumps({"code": code}).encode(), f"mail:{identity}")
            if code
            else None,
            due_at=now,
            give_up_at=min(give_up, worthless_at) if worthless_at else give_up,
            forget_at=now + KEPT,
        )

    async def next_due(self) -> datetime | None:
        return await self._store.next_mail_due()

    async def deliver(self) -> None:
        """Carry what is due; any replica may, each mail is in the hands of one."""
        mails = await self._store.mails_due(self._clock.now(), BATCH)
        await asyncio.gather(*(self._deliver(mail) for mail in mails))

    async def _deliver(self, mail: Mail) -> None:
        if self._clock.now() >= mail.give_up_at:
            await self._report(mail.failed(self._clock.now(), for_good=True), "too late")
            return
        taken = mail.taken(self._clock.now())
        try:
            await self._store.save(taken)
        except Stale:
            return  # another replica has it
        error = await self._carry(taken)
        if error is None:
            await self._store.save(taken.sent())
            MAILS.labels("sent").inc()
        else:
            failed = taken.failed(self._clock.now(), for_good=isinstance(error, Undeliverable))
            await self._report(failed, str(error) or type(error).__name__)

    async def _carry(self, mail: Mail) -> Exception | None:
        """What went wrong, if anything. One mail that cannot even be written must not hold up the others."""
        try:
            async with asyncio.timeout(CARRY_SECONDS):
                await self._carrier.carry(self._write(mail, self._secret_values(mail)))
        except (NotNow, Undeliverable) as error:
            return error
        except Exception as error:
            return NotNow(type(error).__name__)  # its text may repeat address or content
        return None

    async def _report(self, mail: Mail, error: str) -> None:
        await self._store.save(mail)
        MAILS.labels(mail.state).inc()
        tell = log.error if mail.state == "given_up" else log.warning
        tell("mail not sent", mail=mail.id, state=mail.state, attempts=mail.attempts, error=error)

    def _secret_values(self, mail: Mail) -> dict[str, str]:
        if mail.sealed is None:
            return {}
        values: dict[str, str] = json.loads(self._secrets.open(mail.sealed, f"mail:{mail.id}"))
        return values
