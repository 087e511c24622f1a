"""What ends when somebody's password changes: all that was opened with the old one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from common.contracts import Event
from common.contracts.identity import EndReason, SessionRevoked
from common.ids import SessionId, UserId
from identity.domain.api_keys import ApiKey
from identity.domain.recoveries import Recovery
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn


class EndingStore(Protocol):
    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def sign_ins_of(self, user: UserId) -> list[SignIn]: ...

    async def recovery(self, user: UserId) -> Recovery | None: ...


Ending = Session | SignIn | Recovery


async def endings(
    store: EndingStore, user: UserId, reason: EndReason, now: datetime, *, but: SessionId | None = None
) -> tuple[list[Ending], list[SessionRevoked]]:
    """Sessions (all, or all but one), sign-ins half done, a code that stands in for the password: to be saved
    in the same change as their cause, with the events."""
    things: list[Ending] = []
    events: list[SessionRevoked] = []
    for session in await store.sessions_of(user):
        if session.id != but:
            ended, event = session.ended(reason, now)
            things.append(ended)
            events.append(event)
    half_done = [
        replace(sign_in, state="done", version=sign_in.version + 1)
        for sign_in in await store.sign_ins_of(user)
    ]
    return [*things, *half_done, *await no_recovery(store, user, now)], events


class PersonalKeyStore(Protocol):
    async def personal_keys(self, user: UserId) -> list[ApiKey]: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What becomes of a person's API keys. `revoked` and `events` are to be saved with their cause."""

    live: int
    revoked: list[ApiKey]
    events: list[Event]


async def keys_after(store: PersonalKeyStore, user: UserId, now: datetime, *, revoke: bool) -> Keys:
    """Keys are no sessions: programs rely on them overnight, and they do not know the password. So they end
    only when that is wished, and who does not wish it is told how many live on."""
    live = [key for key in await store.personal_keys(user) if key.state(now) == "active"]
    if not revoke:
        return Keys(len(live), [], [])
    over = [key.revoked(now) for key in live]
    return Keys(0, [key for key, _ in over], [event for _, events in over for event in events])


async def no_recovery(store: EndingStore, user: UserId, now: datetime) -> list[Ending]:
    """The code in a mailbox is worthless from now on."""
    recovery = await store.recovery(user)
    return [recovery.spent()] if recovery is not None and recovery.code.alive(now) else []
