"""What people are told by mail about their own account, because it may not have been them."""

from typing import Protocol

from common.clock import Clock
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator
from identity.domain.mails import Mail, Template, Value
from identity.domain.sessions import Seen, Session
from identity.service.mails import PostOffice

UNKNOWN = "\N{EM DASH}"


class NoticeStore(Protocol):
    async def user(self, identity: UserId) -> User | None: ...

    async def seen(self, user: UserId) -> list[Seen]: ...


class Notices:
    """Each is a mail to be saved in the same change as its cause."""

    def __init__(self, store: NoticeStore, post: PostOffice, clock: Clock) -> None:
        self._store = store
        self._post = post
        self._clock = clock

    async def new_device(self, user: User, session: Session) -> list[Mail]:
        """When neither this browser nor this network signed this person in lately, and others did."""
        earlier = await self._store.seen(user.id)
        known = any(one.agent == session.agent or one.network == session.network for one in earlier)
        if known or not earlier:
            return []
        return [self._about("new_device", user, session.id, session)]

    async def reused(self, session: Session) -> list[Mail]:
        """A spent refresh token was shown, and the session ended for it."""
        user = await self._store.user(session.user)
        return [self._about("refresh_reused", user, session.id, session)] if user else []

    def factor(self, template: Template, user: User, authenticator: Authenticator) -> Mail:
        """`factor_added` or `factor_removed`."""
        now = self._clock.now()
        values: dict[str, Value] = {
            "name": user.first_name,
            "authenticator": authenticator.name,
            "at": now,
        }
        identity = f"{template}:{authenticator.id}"
        return self._post.mail(identity, template, user.language, user.email, values)

    def nudge(self) -> None:
        self._post.nudge()

    def _about(self, template: Template, user: User, cause: str, session: Session) -> Mail:
        values: dict[str, Value] = {
            "name": user.first_name,
            "device": session.agent or UNKNOWN,
            "network": session.network or UNKNOWN,
            "at": self._clock.now(),
        }
        return self._post.mail(f"{template}:{cause}", template, user.language, user.email, values)
