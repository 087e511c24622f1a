"""Several organisations and people around the portal: what stories of members, partners and support need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.auth import Role
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.due import DueLoop
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Kind, Language, Login, Membership, Organisation, User
from identity.domain.mails import Letter
from identity.store import OrganisationStore
from stories.identity.portal import PASSWORD, Portal

Answer = tuple[int, Any]


@dataclass(slots=True)
class Person:
    """Somebody with an account and, once signed in, a session."""

    crowd: "Crowd"
    id: UserId
    email: str
    access: str = ""
    refresh: str = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.crowd.ask(method, path, body, Authorization=f"Bearer {self.access}", **headers)

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any = None) -> Answer:
        return await self.ask("POST", path, body)

    async def delete(self, path: str) -> Answer:
        return await self.ask("DELETE", path)

    async def switch(self, organisation: str | None = None) -> Answer:
        """New tokens, for the same or another organisation."""
        body = {"refresh_token": self.refresh} | ({"organisation": organisation} if organisation else {})
        status, tokens = await self.crowd.ask("POST", "tokens", body)
        if status == 200:
            self.take(tokens)
        return status, tokens

    def take(self, tokens: Mapping[str, Any]) -> None:
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]

    def inside(self, tokens: Mapping[str, Any]) -> "Person":
        """The same person in another session."""
        return Person(self.crowd, self.id, self.email, tokens["access_token"], tokens["refresh_token"])


class Crowd:
    """Makes organisations and people as if they had signed up long ago."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.clock = portal.house.clock
        self.store = OrganisationStore(portal.database)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.portal.client.request(method, f"/api/v1/{path}", json=body, headers=more) as answer:
            text = await answer.text()
            await self.portal.house.bus.deliver()
            return answer.status, (await answer.json(content_type=None)) if text else None

    async def organisation(
        self, name: str, kind: Kind = "customer", owner: str = "", language: Language = "en"
    ) -> tuple[OrganisationId, Person]:
        """An organisation and its first member, signed in."""
        email = owner or f"owner@{name.lower()}.example"
        user = await self._account(email, language)
        organisation, member, _ = Organisation(
            id=OrganisationId(name.lower()), name=name, kind=kind, country="DE", currency="EUR",
            time_zone="Europe/Berlin", language=language, created_at=self.clock.now(),
        ).founded(user.id, self.clock.now())  # fmt: skip
        await self.store.save(organisation, member)
        return organisation.id, await self.signed_in(user)

    async def member(self, organisation: OrganisationId, role: Role, email: str, **scope: Any) -> Person:
        user = await self._account(email, "en")
        now = self.clock.now()
        found = await self.store.organisation(organisation)
        assert found is not None
        grown = found.with_role(user.id, role)
        member = Membership(organisation=organisation, user=user.id, role=role, since=now, **scope)
        await self.store.save(*(() if grown is found else (grown,)), member)
        return await self.signed_in(user)

    async def stranger(self, email: str) -> Person:
        """Somebody with an account and an organisation elsewhere."""
        _, person = await self.organisation(email.partition("@")[0] + "home", "customer", email)
        return person

    async def staff(self, role: Role = Role.STAFF, email: str = "agent@vedette.example") -> Person:
        return await self.member(OrganisationId("staff"), role, email)

    async def due(self, name: str) -> None:
        """What the loop of this name does when its time has come."""
        loops = (one for one in self.portal.assembly.background if isinstance(one, DueLoop))
        await next(loop for loop in loops if loop._name == name)._work()
        await self.portal.house.bus.deliver()

    async def letter(self) -> Letter:
        return await self.portal.mailbox.next()

    def acts(self) -> list[str]:
        return [event.act for event in self.said(ActRecorded)]

    def said(self, kind: type[Event]) -> list[Any]:
        return self.portal.house.bus.said(kind)

    async def signed_in(self, user: User) -> Person:
        tokens = await self.portal.signed_in(login=user.email)
        return Person(self, user.id, user.email, tokens["access_token"], tokens["refresh_token"])

    async def again(self, person: Person, organisation: OrganisationId) -> Person:
        """The same person in another session, in one of their organisations."""
        _, challenge = await self.portal.start(login=person.email)
        shown = {"code": await self.portal.mailbox.next_code(), "organisation": organisation}
        status, tokens = await self.ask("POST", f"sign-ins/{challenge['id']}/verify", shown)
        assert status == 200, tokens
        return person.inside(tokens)

    async def _account(self, email: str, language: Language) -> User:
        user = User(
            id=UserId(email.replace("@", "-at-")), email=email, first_name=email.partition("@")[0].title(),
            last_name="Test", language=language, password_hash=f"hash of {PASSWORD}", accepted=(),
            created_at=self.clock.now(),
        )  # fmt: skip
        await self.store.save(user, Login(name=email, user=user.id))
        return user
