"""What is not right is refused with a problem that names it, whatever the operation: nothing here is listed by
hand, all of it comes from the merged OpenAPI document of the running suite."""

from collections.abc import Iterator
from typing import Any

from customers import Customer, Reply
from described import Operation, kinds
from devstack.suite import Suite

MISSING = "0" * 32
FIXED = ("date-time", "date")
"""Formats that bound a text by themselves."""
TOO_LARGE = b'{"name": "' + b"x" * 1_100_000 + b'"}'


def caller(operation: Operation, customer: Customer, staff: Customer) -> Customer:
    return staff if operation.for_staff else customer


async def refused(who: Customer, operation: Operation, data: bytes, kind: str = "application/json") -> Reply:
    """The answer to these bytes, with ids of nothing."""
    path = operation.at(dict.fromkeys(operation.parameters, MISSING))
    return await who.send_bytes(operation.method, path, data, kind)


def is_problem(reply: Reply) -> bool:
    return reply.headers["Content-Type"].startswith("application/problem+json") and {
        "type", "title", "status", "detail", "code", "request_id",
    } <= reply.body.keys()  # fmt: skip


def wrong(schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Field, what is wrong with it, value: for every field of a body."""
    yield "no_such_field", "unknown", 1
    for name, field in schema["properties"].items():
        yield name, "of the wrong type", [["nested"]]
        for kind in kinds(field):
            if kind.get("type") == "string" and not {"enum", "const"} & kind.keys():
                assert {"maxLength", "pattern"} & kind.keys() or kind.get("format") in FIXED, (
                    f"{name} has no bound"
                )
                yield name, "too long", "x" * (kind.get("maxLength", 0) + 1000)
            if kind.get("type") == "integer":
                yield name, "not whole", 1.5
                yield name, "a text", "1"


async def test_every_wrong_field_is_named(
    customer: Customer, staff: Customer, operations: list[Operation], suite: Suite
) -> None:
    failures, tried = [], 0
    for operation in operations:
        if operation.body is None:
            continue
        who = caller(operation, customer, staff)
        for name, what, value in wrong(dict(operation.body)):
            path = operation.at(dict.fromkeys(operation.parameters, MISSING))
            reply = await who.ask(operation.method, path, {name: value})
            named = [error["field"].partition(".")[0] for error in (reply.body or {}).get("errors", [])]
            tried += 1
            if reply.status != 422 or not is_problem(reply) or name not in named:
                failures.append(f"{operation}: {name} {what}: {reply.status} {reply.body}")
    assert not failures, "\n".join(failures)
    assert tried > 50


async def test_every_body_that_is_none_is_refused(
    customer: Customer, staff: Customer, operations: list[Operation], suite: Suite
) -> None:
    cases = [
        (b'{"name": ', "application/json", 400, "malformed_json"),
        (b"\xff\xfe\x00", "application/json", 400, "malformed_json"),
        (b"[" * 50_000, "application/json", 400, "malformed_json"),
        (b"[]", "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b"name=x", "application/x-www-form-urlencoded", 415, ""),
        (TOO_LARGE, "application/json", 413, "too_large"),
    ]
    failures = []
    for operation in operations:
        if operation.body is None:
            continue
        who = caller(operation, customer, staff)
        for data, kind, status, code in cases:
            reply = await refused(who, operation, data, kind)
            if reply.status != status or not is_problem(reply) or code not in reply.code:
                failures.append(f"{operation}: {data[:20]!r}: {reply.status} {reply.body}")
    assert not failures, "\n".join(failures)


async def test_nothing_that_needs_a_token_is_told_without_one(
    suite: Suite, customer: Customer, operations: list[Operation]
) -> None:
    failures, tried = [], 0
    for operation in operations:
        if operation.public:
            continue
        path = operation.at(dict.fromkeys(operation.parameters, MISSING))
        body = operation.valid_body({})
        for header in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
            reply = await customer.send(operation.method, path, body, header)
            tried += 1
            if (
                reply.status != 401
                or not is_problem(reply)
                or not reply.headers.get("WWW-Authenticate", "").startswith("Bearer")
            ):
                failures.append(f"{operation} with {header}: {reply.status} {reply.body}")
    assert not failures, "\n".join(failures)
    assert tried > 30
