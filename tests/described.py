"""The operations of an OpenAPI document, with what a test needs to call each of them."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.auth import Action, Role, permits

STREAMS = {"/api/v1/events"}
"""Answers that never end."""
USUAL = {
    "software_version": "6.8.1",
    "email": "somebody@customer.example",
    "time_zone": "Europe/Prague",
    "country": "CZ",
    "currency": "EUR",
    "language": "en",
    "code": "123456",
    "role": "operator",
}
"""Values for fields whose rule a schema cannot tell to a simple generator."""
ALWAYS = {"until", "code"}
"""Optional fields without which a request is often refused before it is looked at."""
MEANT = {"parent": "items", "organisation": "customers"}
"""Fields of bodies and queries that name a thing otherwise than by its kind -> the kind."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    public: bool
    security: str
    permission: Action | None
    body: Mapping[str, Any] | None
    """Schema of the request body, references resolved."""
    queries: tuple[str, ...] = ()
    """Names of its query parameters."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def for_staff(self) -> bool:
        """Only staff may do it."""
        return self.permission is not None and not permits(Role.SUPER_ADMIN, self.permission)

    @property
    def parameters(self) -> list[str]:
        """Parts of the path like `cameras/{id}`: the resource each id belongs to."""
        parts = self.path.split("/")
        return [before for before, part in itertools.pairwise(parts) if part.startswith("{")]

    def at(self, ids: Mapping[str, str]) -> str:
        """The path with the ids filled in, by resource."""
        parts = self.path.split("/")
        return "/".join(
            ids[before] if part.startswith("{") else part
            for before, part in zip(["", *parts], parts, strict=False)
        )

    def referring(self, ids: Mapping[str, str]) -> list[Any]:
        """Valid bodies that each name one of `ids`, also in a field that may be left out."""
        properties = (self.body or {}).get("properties", {})
        usual = {name: _sample(name, properties[name]) for name in ALWAYS & properties.keys()}
        found = []
        for name, field in properties.items():
            known = ids.get(name) or ids.get(f"{name}s") or ids.get(MEANT.get(name, ""))
            kind = kinds(field)[0]
            if known is not None and kind.get("type") in ("string", "array"):
                value = known if kind["type"] == "string" else [_listed(kind["items"], known)]
                found.append({**self.valid_body(ids), **usual, name: value})
        return found

    def valid_body(self, ids: Mapping[str, str]) -> Any:
        """A body that is accepted as far as the schema goes; None when the operation takes none."""
        if self.body is None:
            return None
        properties, required = self.body["properties"], self.body.get("required", [])
        return {name: ids.get(f"{name}s") or _sample(name, properties[name]) for name in required}


def described(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation that ends, in the order of the document."""
    return [
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path not in STREAMS
    ]


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Operation:
    security = next(iter(operation["security"][0]), "") if operation.get("security") else ""
    permission = operation.get("x-permission")
    body = operation.get("requestBody")
    return Operation(
        method=method.upper(),
        path=path,
        public=not security,
        security=security,
        permission=Action(permission) if permission else None,
        body=_resolved(document, body["content"]["application/json"]["schema"]) if body else None,
        queries=tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"),
    )


def _resolved(document: Mapping[str, Any], node: Any) -> Any:
    if isinstance(node, list):
        return [_resolved(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved(document, target)
    return {key: _resolved(document, value) for key, value in node.items()}


def kinds(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a field's schema."""
    return [kind for option in schema.get("anyOf", [schema]) for kind in option.get("allOf", [option])]


def _listed(schema: Mapping[str, Any], identity: str) -> Any:
    """An entry of a list of ids, or of things that have one."""
    if schema.get("type") != "object":
        return identity
    return {name: _sample(name, field) for name, field in schema["properties"].items()} | {"id": identity}


def _sample(name: str, schema: Mapping[str, Any]) -> Any:
    kind = kinds(schema)[0]
    if name in USUAL:
        return USUAL[name]
    if "const" in kind or "enum" in kind:
        return kind.get("const", (kind.get("enum") or [None])[0])
    match kind.get("type"):
        case "boolean":
            return True
        case "integer" | "number":
            return kind.get("minimum", 1)
        case "array":
            return []
        case "string" if kind.get("format") == "date-time":
            return "2030-01-01T00:00:00Z"
        case "string" if kind.get("format") == "date":
            return "2026-01-15"
        case _:
            return "x" * max(8, kind.get("minLength", 0))
