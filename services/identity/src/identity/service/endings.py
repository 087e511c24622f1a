"""What ends when somebody's password changes: all that was opened with the old one."""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from common.contracts.identity import EndReason, SessionRevoked
from common.ids import SessionId, UserId
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


async def no_recovery(store: EndingStore, user: UserId, now: datetime) -> list[Ending]:
    """The code in a mailbox is worthless from now on."""
    recovery = await store.recovery(user)
    return [recovery.spent()] if recovery is not None and recovery.code.alive(now) else []
