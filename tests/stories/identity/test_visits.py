"""Sessions under a grant: in one foreign organisation, as far and as long as the grant reaches."""

from datetime import timedelta
from typing import Any

import pytest

from common.auth import Actor, Role
from common.errors import Forbidden, Unauthenticated
from common.ids import OrganisationId, UserId
from identity.clients.letters import write
from identity.domain.sessions import Visit
from identity.domain.throttles import Origin
from identity.service.keys import KeyRing
from identity.service.mails import PostOffice
from identity.service.notices import Notices
from identity.service.secrets import Secrets
from identity.service.sessions import Place, Sessions, Tokens
from identity.store import IdentityStore

ORIGIN = Origin(address="192.0.2.1", network="192.0.2.0/24", agent="test")


class House:
    """Ada's sessions, opened as the service opens them."""

    def __init__(self, portal: Any, beta: OrganisationId) -> None:
        parts = portal.house.parts("identity")
        keys = next(one for one in portal.assembly.background if isinstance(one, KeyRing))
        self.store = IdentityStore(parts.database)
        secrets = Secrets(parts.sealer)
        post = PostOffice(self.store, secrets, parts.clock, write, portal.mailbox)
        notices = Notices(self.store, post, parts.clock)
        self.sessions = Sessions(self.store, secrets, keys, parts.clock, notices)
        self.verifier = parts.verifier
        self.verifier.keys.learn({"keys": [row["public"] for row in portal.rows("signing_keys")]})
        self.beta = beta
        self.home = next(row["_id"] for row in portal.rows("organisations") if row["name"] == "Acme s.r.o.")
        self.ada = UserId(next(row["_id"] for row in portal.rows("users") if row["first_name"] == "Ada"))

    async def begin(self, organisation: OrganisationId, visit: Visit | None) -> Tokens:
        (found,) = await self.store.organisations([organisation])
        ada = await self.store.user(self.ada)
        assert ada is not None
        place = Place(found, visit.role if visit else Role.SUPER_ADMIN)
        session, tokens = await self.sessions.begin(ada, place, origin=ORIGIN, factor="totp", visit=visit)
        await self.store.save(session)
        return tokens

    async def visit(self, **more: Any) -> Tokens:
        """As a partner's technician."""
        return await self.begin(
            self.beta, Visit(role=Role.TECHNICIAN, via="partner", grant="grant-1", scoped=True, **more)
        )

    async def actor(self, tokens: Tokens) -> Actor:
        actor: Actor = await self.verifier.verify(tokens.access)
        return actor


@pytest.fixture
async def house(portal: Any) -> House:
    await portal.with_account()
    return House(portal, await portal.second_organisation())


async def test_the_token_says_under_which_grant_somebody_is_here(house: House) -> None:
    tokens = await house.visit()
    for actor in (
        await house.actor(tokens),
        await house.actor(await house.sessions.refresh(tokens.refresh, None)),
    ):
        assert (actor.via, actor.grant, actor.scoped, actor.strong) == ("partner", "grant-1", True, True)
        assert (actor.role, actor.organisation) == (Role.TECHNICIAN, house.beta)


async def test_a_visit_leads_nowhere_else_not_even_home(house: House) -> None:
    tokens = await house.visit()
    with pytest.raises(Forbidden, match="not_a_member"):
        await house.sessions.refresh(tokens.refresh, house.home)


async def test_a_visit_ends_with_its_grant(house: House, portal: Any) -> None:
    until = portal.house.clock.now() + timedelta(minutes=2)
    tokens = await house.visit(until=until)
    assert (await house.actor(tokens)).expires == int(until.timestamp())

    portal.house.clock.advance(timedelta(minutes=2))
    with pytest.raises(Unauthenticated, match="session_over"):
        await house.sessions.refresh(tokens.refresh, None)


async def test_withdrawing_a_grant_ends_the_sessions_under_it_and_no_others(house: House) -> None:
    visit, own = await house.visit(), await house.begin(house.home, None)
    await house.sessions.end_all(house.ada, "grant_ended", grant="grant-1")

    with pytest.raises(Unauthenticated, match="session_over"):
        await house.sessions.refresh(visit.refresh, None)
    assert await house.sessions.refresh(own.refresh, None)
