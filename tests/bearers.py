"""Somebody of every kind who can hold a credential, in and around one organisation, made as the suite makes them:
by invitations, partner codes, grants and keys."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from belongings import WITHIN, a_server, made
from common.auth import Action, Role, permits
from customers import Customer
from devstack.inbox import Inbox, code_in
from devstack.signup import form
from devstack.suite import Login, Suite
from identity.domain.api_keys import NEVER

_LINK = re.compile(r"#([A-Za-z0-9_-]{20,})")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Somebody with a token. `person` sends the requests; who is somewhere else under a grant, or a key, sends
    them with the token of that."""

    name: str
    role: Role
    person: Customer
    token: str = ""

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        if not self.token:
            reply = await self.person.ask(method, path, body)
        else:
            header = {"Authorization": f"Bearer {self.token}"}
            reply = await self.person.send(method, path, body, header)
        return reply.status, reply.body


@asynccontextmanager
async def bearers(suite: Suite, staff: Customer) -> AsyncIterator[list[Bearer]]:
    """All of them: every role of the permission table, somebody with part of an organisation, visitors, keys."""
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(await Customer.new(suite))
        partner = await stack.enter_async_context(await _partner(suite, staff))
        server = (await a_server(owner))["server"]["id"]
        wanted: list[tuple[Customer, Role, dict[str, list[str]]]]
        wanted = [(owner, role, {}) for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER)]
        wanted += [(owner, Role.OPERATOR, {"servers": [server]})]
        wanted += [(partner, Role.TECHNICIAN, {}), (staff, Role.STAFF, {})]
        invited = [await _invited(suite, *one) for one in wanted]  # a host has a moment's pause between two
        joined = await asyncio.gather(*(_joined(suite, *one) for one in invited))
        for person in joined:
            await stack.enter_async_context(person)
        known = [
            Bearer(role.value + (" with one server" if scope else ""), role, person)
            for (_, role, scope), person in zip(wanted, joined, strict=True)
        ]
        known += [
            Bearer("super admin", Role.SUPER_ADMIN, owner),
            Bearer("partner super admin", Role.PARTNER_SUPER_ADMIN, partner),
            Bearer("staff admin", Role.STAFF_ADMIN, staff),
            *await _visitors(owner, partner, staff),
            *await _keys(owner),
        ]
        yield known


async def _invited(
    suite: Suite, host: Customer, role: Role, scope: dict[str, list[str]]
) -> tuple[Login, str, str]:
    """Somebody new: who, the invitation, and the code of its link."""
    login = Login(f"{uuid.uuid4().hex[:12]}@member.example", uuid.uuid4().hex)
    wish = {"email": login.email, "role": role.value, **scope}
    async with asyncio.timeout(WITHIN):
        while (reply := await host.ask("POST", "/api/v1/invitations", wish)).code == "rights_not_accepted":
            await asyncio.sleep(0.1)  # identity hears of a new server by an event
    assert reply.status == 201, reply.body
    mail = await Inbox(host.session, suite.mail_url, login.email).after(0)
    link = _LINK.search(str(mail["text"]))
    assert link is not None, mail["text"]
    return login, reply.body["id"], link.group(1)


async def _joined(suite: Suite, login: Login, invitation: str, code: str) -> Customer:
    """With an account of their own, signed in."""
    body = {
        "code": code,
        "first_name": "New",
        "last_name": "Member",
        "language": "en",
        "password": login.password,
        "accept_terms": True,
        "accept_privacy": True,
    }
    url = f"{suite.gateway_url}/api/v1/invitations/{invitation}/join"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status < 300, await answer.text()
    return await Customer.signed_in(suite, login)


async def _partner(suite: Suite, staff: Customer) -> Customer:
    """A Partner Super Admin: with a code from the registry, approved by staff, activated by mail."""
    login = Login(f"{uuid.uuid4().hex[:12]}@partner.example", uuid.uuid4().hex)
    inbox = Inbox(staff.session, suite.mail_url, login.email)
    code = f"CODE-{uuid.uuid4().hex[:8].upper()}"
    await made(staff, "partner-codes", {"code": code, "company": "Installers"})
    asked = await staff.send(
        "POST", "/api/v1/partner-requests", form(login.email) | {"partner_code": code}, {}
    )
    assert asked.status == 202, asked.body
    last = (await inbox.after(0))["id"]
    waiting = (await staff.ask("GET", "/api/v1/partner-requests?limit=200")).body["items"]
    [request] = [one["id"] for one in waiting if one["email"] == login.email]
    await made(staff, f"partner-requests/{request}/approve")
    mail = await inbox.after(int(last))
    body = {"email": login.email, "code": code_in(str(mail["text"])), "password": login.password}
    activated = await staff.send("POST", "/api/v1/activations", body, {})
    assert activated.status < 300, activated.body
    return await Customer.signed_in(suite, login)


async def _visitors(owner: Customer, partner: Customer, staff: Customer) -> list[Bearer]:
    """A partner's technician and support, inside the owner's organisation."""
    wish = {"email": partner.login.email, "role": Role.ADMIN.value}
    grant = (await made(owner, "partners", wish))["id"]
    await made(partner, f"customer-invitations/{grant}/accept")
    inside = await made(partner, f"customers/{owner.organisation}/sessions")
    opened = (await made(owner, "support-grants", {"permanent": True}))["id"]
    helping = await made(staff, f"support-grants/{opened}/sessions")
    return [
        Bearer("visiting partner", Role.ADMIN, partner, inside["access_token"]),
        Bearer("support", Role.SUPPORT, staff, helping["access_token"]),
    ]


async def _keys(owner: Customer) -> list[Bearer]:
    """An organisation's and a personal key that may do whatever a key may."""
    actions = [action.value for action in set(Action) - NEVER if permits(Role.SUPER_ADMIN, action)]
    wish = {"name": "Everything", "actions": actions}
    everything = await made(owner, "api-keys", wish | {"role": Role.SUPER_ADMIN.value})
    own = await made(owner, "me/api-keys", wish)
    return [
        Bearer("organisation's key", Role.SUPER_ADMIN, owner, everything["key"]),
        Bearer("personal key", Role.SUPER_ADMIN, owner, own["key"]),
    ]
