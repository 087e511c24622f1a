"""Staff see nothing of a customer without a grant, on whatever route; under one they are out within a second of its
end."""

import asyncio
import time
from typing import Any

import pytest_asyncio

from chaos.rush import reconciled, rush
from customers import Customer
from described import Operation
from devstack.suite import Suite
from e2e.test_revocation import A_READ_OF_EACH, SECOND, refused, status

Ids = dict[str, str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded(suite: Suite) -> Any:
    """A customer with a camera, a licence, a server, a member and an invitation, and their ids by resource."""
    async with await Customer.new(suite) as customer, rush(customer, 1) as one:
        await one.claim_all()
        await one.until_connected(within=30)
        await reconciled(one, within=30)
        ids = {}
        for resource in ("claims", "cameras", "licences"):
            ids[resource] = (await customer.every(f"/api/v1/{resource}"))[0]["id"]
        for resource, body in (
            ("servers", {"name": "Guarded NVR", "software_version": "6.8.1"}),
            ("invitations", {"email": "guarded@customer.example", "role": "viewer"}),
            ("partners", {"email": "guarded@partner.example", "role": "viewer"}),
        ):
            made = (await customer.ask("POST", f"/api/v1/{resource}", body)).body
            ids[resource] = (made.get("server") or made)["id"]
        ids["members"] = (await customer.ask("GET", "/api/v1/me")).body["user"]["id"]
        ids["customers"] = ids["test-clocks"] = customer.organisation
        yield customer, ids


def shown(body: Any, asked: str, customer: Customer, ids: Ids) -> list[str]:
    """What of the customer is in an answer, and was not in the request."""
    secrets = {*ids.values(), customer.login.email, "Guarded NVR", "guarded@"}
    return [secret for secret in secrets if secret in str(body) and secret not in asked]


async def test_staff_read_and_change_nothing_of_a_customer_on_any_route(
    suite: Suite, staff: Customer, guarded: tuple[Customer, Ids], operations: list[Operation]
) -> None:
    customer, ids = guarded
    tried, failures = 0, []
    # Those without an id first: after the others, staff's own audit log says what they have asked for.
    for operation in sorted(operations, key=lambda one: bool(one.parameters)):
        if operation.public or operation.security != "bearer" or "sessions/current" in operation.path:
            continue
        known = {resource: ids.get(resource, "0" * 32) for resource in operation.parameters}
        path = operation.at(known)
        reply = await staff.ask(operation.method, path, operation.valid_body(ids))
        tried += 1
        reached = operation.parameters and not operation.for_staff and reply.status < 400
        if reached or (reply.status < 400 and shown(reply.body, path, customer, ids)):
            failures.append(f"{operation}: {reply.status} {reply.body}")
    assert not failures, "\n".join(failures)
    assert tried > 40, tried


async def test_support_is_out_everywhere_within_a_second_of_the_withdrawal(
    suite: Suite, staff: Customer, guarded: tuple[Customer, Ids]
) -> None:
    customer, _ = guarded
    allowed = await customer.ask("POST", "/api/v1/support-grants", {"permanent": True})
    assert allowed.status == 201, allowed.body
    grant = allowed.body["id"]
    entered = await staff.ask("POST", f"/api/v1/support-grants/{grant}/sessions")
    assert entered.status == 201, entered.body
    inside = {"Authorization": f"Bearer {entered.body['access_token']}"}
    reads = [suite.url(service) + path for service, path in A_READ_OF_EACH.items()]
    reads.append(suite.gateway_url + "/api/v1/cameras")
    assert [await status(staff.session, read, inside) for read in reads] == [200] * len(reads)
    visits = (await customer.ask("GET", "/api/v1/visits")).body["items"]
    assert [one["grant"] for one in visits] == [grant]

    assert (await customer.ask("DELETE", f"/api/v1/support-grants/{grant}")).status == 204
    ended = time.monotonic()
    took = await asyncio.gather(*(refused(staff.session, read, inside) for read in reads))
    late = max(moment - ended for moment in took)
    print(f"\nsupport out everywhere after {late * 1000:.0f} ms")
    assert late < SECOND
    assert (await staff.ask("POST", f"/api/v1/support-grants/{grant}/sessions")).status == 404
