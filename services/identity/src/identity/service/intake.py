"""What every form from a stranger goes through, whether somebody signs up or asks to be a partner."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from common.errors import Conflict
from common.races import settled
from identity.domain.accounts import Acceptance
from identity.domain.mails import Mail
from identity.domain.registrations import Form
from identity.domain.throttles import Counted, Origin
from identity.service.mails import PostOffice
from identity.service.throttles import Throttles


class MailStore(Protocol):
    async def save(self, *things: Mail | Counted) -> None: ...


class Intake:
    def __init__(self, throttles: Throttles, post: PostOffice, *, editions: tuple[str, str]) -> None:
        """`editions`: the versions of terms and privacy policy that are accepted now."""
        self._throttles = throttles
        self._post = post
        self._editions = editions

    async def take(
        self,
        form: Form,
        *,
        terms: bool,
        privacy: bool,
        counted_as: str,
        origin: Origin,
        work: Callable[[Form, Counted], Awaitable[None]],
    ) -> None:
        """Check the form, count it for where it came from, do the work and send the mails it wrote."""
        form = Form.checked(form, terms=terms, privacy=privacy)
        counted = await self._throttles.address(counted_as, origin)
        await settled(lambda: work(form, counted))
        self._post.nudge()

    def accepted(self, now: datetime) -> tuple[Acceptance, ...]:
        return accepted_now(self._editions, now)

    async def tell_once(self, store: MailStore, mail: Mail, counted: Counted) -> None:
        """However often the form comes: a mail whose id has the hour in it is written once an hour."""
        try:
            await store.save(mail, counted)
        except Conflict:
            await store.save(counted)


def accepted_now(editions: tuple[str, str], now: datetime) -> tuple[Acceptance, ...]:
    """Both documents in the versions that hold now (ID-15, ID-53)."""
    terms, privacy = editions
    return (
        Acceptance(document="terms", edition=terms, at=now),
        Acceptance(document="privacy", edition=privacy, at=now),
    )


def hour_of(now: datetime) -> str:
    return f"{now:%Y%m%d%H}"
