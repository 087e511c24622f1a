"""Another organisation's id answers exactly like an id that does not exist, on every route that takes one."""

import uuid
from typing import Any

import pytest_asyncio

from chaos.rush import reconciled, rush
from common.ids import new_id
from customers import Customer, Reply
from described import Operation
from devstack.suite import Suite

Ids = dict[str, str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def theirs(customer: Customer) -> Ids:
    """One thing of each kind that belongs to `customer`, by resource."""
    async with rush(customer, 1) as one:
        await one.claim_all()
        await one.until_connected(within=30)
        await reconciled(one, within=30)
    [claim], [camera], [licence] = [
        await customer.every(path) for path in ("/api/v1/claims", "/api/v1/cameras", "/api/v1/licences")
    ]
    server, session = await a_server(customer), ""
    opened = await customer.ask("POST", "/api/v1/remote-sessions", {"server": server["server"]["id"]})
    assert opened.status == 201, opened.body
    session = str(
        opened.body["session"]["id"] if isinstance(opened.body["session"], dict) else opened.body["session"]
    )
    wish = {"name": "Export", "role": "viewer", "actions": ["cameras:read"]}
    key = await customer.ask("POST", "/api/v1/api-keys", wish)
    # Refused when the customer signed in too long ago; then an id that nobody has is as good.
    app = await customer.ask("POST", "/api/v1/authenticators", {"kind": "totp", "name": "Phone"})
    signed_in = await customer.ask("GET", "/api/v1/sessions")
    me = (await customer.ask("GET", "/api/v1/me")).body
    invited, partner, support = [
        (await customer.ask("POST", f"/api/v1/{path}", body)).body["id"]
        for path, body in (
            ("invitations", {"email": "invited@customer.example", "role": "viewer"}),
            ("partners", {"email": "partner@partner.example", "role": "viewer"}),
            ("support-grants", {"until": "2030-01-01T00:00:00Z"}),
        )
    ]
    return {
        "authenticators": (app.body or {}).get("id", new_id()),
        "sessions": signed_in.body["items"][0]["id"],
        "api-keys": key.body["api_key"]["id"],
        "connected-accounts": new_id(),  # there is no issuer here that one could come from
        "members": me["user"]["id"],
        "invitations": invited,
        "partners": partner,
        "customer-invitations": partner,
        "customers": customer.organisation,
        "support-grants": support,
        "visits": new_id(),
        "partner-codes": "NONE-0000",  # these two are staff's own
        "partner-requests": new_id(),
        "claims": claim["id"],
        "cameras": camera["id"],
        "items": camera["id"],
        "licences": licence["id"],
        "servers": server["server"]["id"],
        "remote-sessions": session,
        "test-clocks": customer.organisation,
    }


async def a_server(customer: Customer) -> dict[str, Any]:
    """A Green on-site server, with its credential."""
    body = {"name": f"NVR {uuid.uuid4().hex[:6]}", "software_version": "6.8.1"}
    registered = await customer.ask("POST", "/api/v1/servers", body)
    assert registered.status == 201, registered.body
    heartbeat = await customer.send(
        "PUT",
        f"/api/v1/servers/{registered.body['server']['id']}/heartbeat",
        {"software_version": "6.8.1"},
        {"Authorization": f"Bearer {registered.body['credential']}"},
    )
    assert heartbeat.status == 200, heartbeat.body
    return dict(registered.body)


def told(reply: Reply, ids: Ids) -> tuple[int, str]:
    """What a stranger learns: everything but the ids of the request."""
    body = {key: value for key, value in (reply.body or {}).items() if key != "request_id"}
    text = str(body)
    for value in ids.values():
        text = text.replace(value, "<id>")
    return reply.status, text


async def test_a_strangers_id_answers_like_one_that_does_not_exist(
    suite: Suite, customer: Customer, stranger: Customer, theirs: Ids, operations: list[Operation]
) -> None:
    nothing = {resource: new_id() for resource in theirs}
    own = await a_server(stranger)
    tried, failures = [], []
    for operation in operations:
        in_body = [name for name in (operation.body or {}).get("required", []) if f"{name}s" in theirs]
        if operation.public or not (operation.parameters or in_body):
            continue
        token = own["credential"] if operation.security == "server" else stranger.access_token
        header = {"Authorization": f"Bearer {token}"}
        real, missing = [
            await stranger.send(operation.method, operation.at(ids), operation.valid_body(ids), header)
            for ids in (theirs, nothing)
        ]
        tried.append(str(operation))
        if told(real, theirs) != told(missing, nothing) or real.status < 400:
            failures.append(f"{operation}: {told(real, theirs)} but {told(missing, nothing)}")
    assert not failures, "\n".join(failures)
    assert len(tried) >= 10, tried


async def test_nothing_of_theirs_was_touched_or_shown(
    suite: Suite, customer: Customer, stranger: Customer, theirs: Ids, operations: list[Operation]
) -> None:
    for resource in ("invitations", "support-grants", "partners", "members"):
        items = (await customer.ask("GET", f"/api/v1/{resource}")).body["items"]
        kept = {one.get("id") or one["user"]: one.get("state") for one in items}
        assert kept[theirs[resource]] in ("pending", "live", "invited", None), resource
    for resource in ("claims", "cameras", "licences", "servers"):
        reply = await customer.ask("GET", f"/api/v1/{resource}/{theirs[resource]}")
        assert reply.status == 200, (resource, reply.body)
    for operation in operations:
        if operation.method == "GET" and operation.security == "bearer" and not operation.parameters:
            # What somebody typed is in their own log, the ids they guessed included.
            if operation.for_staff or operation.path.startswith("/api/v1/audit"):
                continue
            shown = str((await stranger.ask("GET", operation.path)).body)
            assert [one for one in theirs.values() if one in shown] == [], operation
    by_camera = await stranger.ask("GET", f"/api/v1/licences?camera={theirs['cameras']}")
    assert by_camera.body["items"] == []
