"""The first staff admin of a development stack (VEDETTE_BOOTSTRAP_STAFF)."""

from typing import Protocol

import structlog

from common.auth import Role
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict
from common.ids import OrganisationId, UserId, new_id
from identity.domain.accounts import Login, Membership, Organisation, User
from identity.domain.names import canonical_email
from identity.service.passwords import Hasher

STAFF = OrganisationId("staff")
log = structlog.get_logger("staff")


class StaffStore(Protocol):
    async def user_by_login(self, name: str) -> User | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def save(
        self, *things: Organisation | User | Login | Membership, events: tuple[Event, ...] = ()
    ) -> None: ...


class StaffBootstrap:
    """Makes the staff organisation and its admin unless they are there."""

    def __init__(self, store: StaffStore, hasher: Hasher, clock: Clock, account: str) -> None:
        """`account`: `email:password`, or nothing."""
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._account = account

    async def open(self) -> None:
        email, _, password = self._account.partition(":")
        if not email:
            return
        email = canonical_email(email)
        if await self._store.user_by_login(email) is None:
            await self._found(email, password)

    async def close(self) -> None:
        """Nothing to close."""

    async def _found(self, email: str, password: str) -> None:
        now = self._clock.now()
        user = User(
            id=UserId(new_id()),
            email=email,
            first_name="Staff",
            last_name="Admin",
            language="en",
            password_hash=await self._hasher.hash(password),
            accepted=(),
            created_at=now,
        )
        login = Login(name=email, user=user.id)
        member = Membership(organisation=STAFF, user=user.id, role=Role.STAFF_ADMIN, since=now)
        known = await self._store.organisations([STAFF])
        if known:
            organisation = known[0].with_role(user.id, member.role)
        else:
            organisation, member, _ = _staff_organisation(self._clock).founded(user.id, now)
        try:
            await self._store.save(organisation, user, login, member, events=(member.told(now),))
        except Conflict:
            log.info("staff was there already")  # made before, or by another replica this moment


def _staff_organisation(clock: Clock) -> Organisation:
    return Organisation(
        id=STAFF,
        name="Vedette staff",
        kind="staff",
        country="CZ",
        time_zone="UTC",
        currency="EUR",
        language="en",
        created_at=clock.now(),
    )
