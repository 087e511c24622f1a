"""One thing of each kind that an organisation can have, for tests that others try to reach them."""

import asyncio
import uuid
from typing import Any

from chaos.rush import reconciled, rush
from common.ids import new_id
from customers import Customer
from device.camera import Camera

Ids = dict[str, str]
WITHIN = 30.0
"""Seconds for things to come about."""
CAMERAS = b"Device ID,Password,Name\n0040ff998877,secret-of-a-camera,Yard\n"
TWO_MONTHS = 70 * 24 * 3600
BY_OTHERS = (
    "connected-accounts",
    "visits",
    "partner-requests",
    "payment-methods",
    "camera-contests",
    "service-plans",
)
"""What nobody but its maker can begin with: an id that nobody has is as good."""


async def belongings(owner: Customer, staff: Customer) -> Ids:
    """The id of one thing of each kind that belongs to `owner`, by the resource it is found under."""
    async with rush(owner, 2) as two:
        await two.claim_all()
        await two.until_connected(within=WITHIN)
        await reconciled(two, within=WITHIN)
        transfer = await _sold(two.cameras[0], owner)
    ids = {
        path: (await owner.every(f"/api/v1/{path}"))[0]["id"] for path in ("claims", "cameras", "licences")
    }
    ids["items"] = (await made(owner, "items", {"kind": "folder", "name": "Hall"}))["id"]
    ids["camera-transfers"] = transfer
    listed = await owner.send_bytes("POST", "/api/v1/claim-imports", CAMERAS, "text/csv")
    assert listed.status == 202, listed.body
    ids["claim-imports"] = listed.body["id"]
    ids["customers"] = ids["test-clocks"] = owner.organisation
    server = await a_server(owner)
    ids["servers"] = server["server"]["id"]
    opened = await made(owner, "remote-sessions", {"server": ids["servers"]})
    ids["remote-sessions"] = str(opened["session"]["id"])
    ids |= await _people_and_doors(owner)
    ids["invoices"] = await _bill(owner, staff)
    return (
        ids
        | {kind: new_id() for kind in BY_OTHERS}
        | {"partner-codes": "NONE-0000", "add-ons": "no-such-add-on"}
    )


async def a_server(owner: Customer) -> dict[str, Any]:
    """A Green on-site server, with its credential."""
    body = {"name": f"NVR {uuid.uuid4().hex[:6]}", "software_version": "6.8.1"}
    registered = await made(owner, "servers", body)
    heartbeat = await owner.send(
        "PUT",
        f"/api/v1/servers/{registered['server']['id']}/heartbeat",
        {"software_version": "6.8.1"},
        {"Authorization": f"Bearer {registered['credential']}"},
    )
    assert heartbeat.status == 200, heartbeat.body
    return registered


async def made(who: Customer, path: str, body: Any = None) -> dict[str, Any]:
    """What a POST has made."""
    reply = await who.ask("POST", f"/api/v1/{path}", body)
    assert reply.status in (200, 201, 202), (path, reply.status, reply.body)
    return dict(reply.body)


async def _people_and_doors(owner: Customer) -> Ids:
    me = (await owner.ask("GET", "/api/v1/me")).body
    sessions = (await owner.ask("GET", "/api/v1/sessions")).body
    key = await made(owner, "api-keys", {"name": "Export", "role": "viewer", "actions": ["cameras:read"]})
    app = await made(owner, "authenticators", {"kind": "totp", "name": "Phone"})
    invited = await made(owner, "invitations", {"email": "invited@customer.example", "role": "viewer"})
    partner = await made(owner, "partners", {"email": "partner@partner.example", "role": "viewer"})
    support = await made(owner, "support-grants", {"until": "2030-01-01T00:00:00Z"})
    return {
        "members": me["user"]["id"],
        "sessions": sessions["items"][0]["id"],
        "api-keys": key["api_key"]["id"],
        "authenticators": app["id"],
        "invitations": invited["id"],
        "partners": partner["id"],
        "customer-invitations": partner["id"],
        "support-grants": support["id"],
    }


async def _bill(owner: Customer, staff: Customer) -> str:
    """An invoice: two months go by on the organisation's own clock."""
    clock = f"/api/v1/test-clocks/{owner.organisation}"
    moved = await staff.ask("PUT", clock, {"ahead_seconds": TWO_MONTHS})
    assert moved.status == 200, moved.body
    async with asyncio.timeout(WITHIN):
        while not (bills := (await owner.ask("GET", "/api/v1/invoices")).body["items"]):
            await asyncio.sleep(0.2)
    return str(bills[0]["id"])


async def _sold(camera: Camera, owner: Customer) -> str:
    """The record of a camera that went to somebody else: claimed there, then reset."""
    async with await Customer.new(owner.suite) as buyer:
        await made(buyer, "claims", {"device_id": camera.identity.id, "secret": camera.identity.secret})
        camera.reset()
        async with asyncio.timeout(WITHIN):
            while not (moved := (await owner.ask("GET", "/api/v1/camera-transfers")).body["items"]):
                await asyncio.sleep(0.2)
    return str(moved[0]["id"])
