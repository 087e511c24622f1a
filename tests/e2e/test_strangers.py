"""Another organisation's id answers exactly like an id that does not exist: on every route that takes one, for
everybody who can hold a token, whatever their role and however they came by it."""

import uuid
from collections import Counter
from typing import Any

import pytest
import pytest_asyncio

from bearers import Bearer, bearers
from belongings import Ids, a_server, belongings
from common.auth import Role, permits
from common.ids import new_id
from customers import Customer
from described import MEANT, Operation
from devstack.suite import Suite

pytestmark = pytest.mark.timeout(300)
SCOPES = {"POST /api/v1/invitations", "POST /api/v1/support-grants"}
"""They take the id of any item unseen: what it opens is looked up in the organisation the right is for, where
neither another's item is found nor one that does not exist."""
MORE = ("claim-imports", "camera-transfers")
Case = tuple[str, Any]
"""Path and body."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(suite: Suite) -> Any:
    """Whose things everybody else tries to reach."""
    async with await Customer.new(suite) as owner:
        yield owner


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(owner: Customer, staff: Customer) -> Ids:
    """One thing of each kind that belongs to `owner`, by resource."""
    return await belongings(owner, staff)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(suite: Suite, staff: Customer) -> Any:
    """One bearer of each kind, all of them strangers to `owner`."""
    async with bearers(suite, staff) as known:
        yield known


def told(status: int, body: Any, ids: Ids) -> tuple[int, str]:
    """What a stranger learns: everything but the ids of the request."""
    text = str({key: value for key, value in (body or {}).items() if key != "request_id"})
    for value in ids.values():
        text = text.replace(value, "<id>")
    return status, text


def cases(operation: Operation, ids: Ids) -> list[Case]:
    """The ways to name one of `ids` to an operation: in its path, its body, its query."""
    path, valid = operation.at(ids), operation.valid_body(ids)
    found: list[Case] = [(path, body) for body in operation.referring(ids)]
    if operation.parameters:
        found.append((path, valid))
    for name in operation.queries:
        known = ids.get(f"{name}s") or ids.get(MEANT.get(name, ""))
        if known is not None:
            found.append((f"{path}?{name}={known}", valid))
    return found


def _fresh(body: Any) -> Any:
    """Addressed to nobody who was written to before: a second request would be refused for that."""
    unused = f"{uuid.uuid4().hex[:12]}@nobody.example"
    return {**body, "email": unused} if body and "email" in body else body


async def compared(bearer: Bearer, operations: list[Operation], theirs: Ids, nothing: Ids) -> Counter[str]:
    """How often somebody was told what: statuses, and every difference between what is there and what is not."""
    found: Counter[str] = Counter()
    for operation in operations:
        own = operation.for_staff and operation.permission and permits(bearer.role, operation.permission)
        if operation.public or operation.security != "bearer" or own:
            continue  # what staff do to customers by their office has tests of its own
        pairs = zip(cases(operation, theirs), cases(operation, nothing), strict=True)
        for (path, body), (empty, blank) in pairs:
            real = told(*await bearer.ask(operation.method, path, _fresh(body)), theirs)
            missing = told(*await bearer.ask(operation.method, empty, _fresh(blank)), nothing)
            found[str(real[0])] += 1
            if str(operation) in SCOPES and real[0] == missing[0] == 201:
                continue
            reached = real[0] < 400 and (operation.parameters or operation.method != "GET")
            if real != missing or reached:
                found[f"{bearer.name}: {operation} {body}: {real} but {missing}"] += 1
    return found


async def test_the_bearers_are_everybody(everybody: list[Bearer], suite: Suite) -> None:
    ways = [await bearer.ask("GET", "/api/v1/organisation") for bearer in everybody]
    assert [status for status, _ in ways] == [200] * len(everybody), ways
    assert {bearer.role.value for bearer in everybody} == {role.value for role in Role}


async def test_nobody_is_shown_anything_of_theirs(
    suite: Suite, owner: Customer, everybody: list[Bearer], theirs: Ids, operations: list[Operation]
) -> None:
    secrets = {*theirs.values(), owner.login.email}
    for operation in operations:
        # What somebody typed is in their own log, the ids that they named included.
        if operation.method != "GET" or operation.parameters or operation.path.startswith("/api/v1/audit"):
            continue
        if operation.public or operation.for_staff:
            continue
        for bearer in everybody:
            _, body = await bearer.ask("GET", operation.path)
            assert [one for one in secrets if one in str(body)] == [], (bearer.name, operation)


async def test_to_everybody_a_strangers_id_is_like_one_that_does_not_exist(
    suite: Suite, everybody: list[Bearer], theirs: Ids, operations: list[Operation]
) -> None:
    nothing = {resource: new_id() for resource in theirs}
    # One after the other: several of them share an organisation, and its limits.
    found = [await compared(one, operations, theirs, nothing) for one in everybody]
    failures = [line for told in found for line in told if not line.isdecimal()]
    assert not failures, "\n".join(failures)
    together = sum(found, Counter())
    print(f"\n{together.total()} pairs of requests by {len(everybody)} bearers: {dict(together)}")
    assert not {"429", "500", "503"} & together.keys()
    owners = next(told for one, told in zip(everybody, found, strict=True) if one.name == "super admin")
    assert owners["404"] > 40, owners


async def test_to_an_on_site_server_another_one_is_like_none(
    suite: Suite, stranger: Customer, theirs: Ids, operations: list[Operation]
) -> None:
    own = await a_server(stranger)
    header = {"Authorization": f"Bearer {own['credential']}"}
    nothing = {resource: new_id() for resource in theirs}
    for operation in operations:
        if operation.security == "server":
            real, missing = [
                await stranger.send(operation.method, operation.at(ids), operation.valid_body(ids), header)
                for ids in (theirs, nothing)
            ]
            assert told(real.status, real.body, theirs) == told(missing.status, missing.body, nothing)
            assert real.status == 401


async def test_nothing_of_theirs_was_touched(owner: Customer, theirs: Ids, suite: Suite) -> None:
    for resource in ("invitations", "support-grants", "partners", "members"):
        items = (await owner.ask("GET", f"/api/v1/{resource}")).body["items"]
        kept = {one.get("id") or one["user"]: one.get("state") for one in items}
        assert kept[theirs[resource]] in ("pending", "live", "invited", None), resource
    for resource in (
        "claims",
        "cameras",
        "licences",
        "servers",
        "items",
        "invoices",
        "remote-sessions",
        *MORE,
    ):
        reply = await owner.ask("GET", f"/api/v1/{resource}/{theirs[resource]}")
        assert reply.status == 200, (resource, reply.body)
