"""OpenAPI 3.1 from the same table of routes that serves the requests."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from common.http.problems import TITLES
from common.http.route import NoQuery, Route

_REF = "#/components/schemas/{model}"
Document = dict[str, Any]
PROBLEM: Document = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people"},
        "code": {"type": "string", "description": "For programs; stable"},
        "request_id": {"type": "string"},
        "next": {"type": "string", "description": "What to do about it"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
SECURITY: Document = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "server": {"type": "http", "scheme": "bearer", "description": "An on-site server's own credential"},
}


def document(title: str, version: str, routes: Iterable[Route]) -> Document:
    """The document of one service. `operationId` is the handler's name, unique per service by `tag`."""
    table = list(routes)
    schemas = _schemas(table)
    paths: Document = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": {**schemas, "Problem": PROBLEM}, "securitySchemes": SECURITY},
    }


def _schemas(routes: list[Route]) -> Document:
    bodies: list[type[BaseModel]] = [route.body for route in routes if route.body]
    answers: list[type[BaseModel]] = [route.answer for route in routes if route.answer]
    names = [model.__name__ for model in {*bodies, *answers}]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"two models of one name would get another in the document: {sorted(twice)}"
    wanted: list[tuple[type[BaseModel], Any]] = [
        *((model, "validation") for model in dict.fromkeys(bodies)),
        *((model, "serialization") for model in dict.fromkeys(answers) if model not in bodies),
    ]
    _, definitions = models_json_schema(wanted, ref_template=_REF)
    found: Document = definitions.get("$defs", {})
    return found


def _operation(route: Route) -> Document:
    operation: Document = {
        "operationId": f"{route.tag.lower().replace(' ', '_')}_{route.handler.__name__}",
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": [] if route.public and route.security == "bearer" else [{route.security: []}],
    }
    if route.handler.__doc__:
        operation["description"] = route.handler.__doc__.strip()
    if route.allow is not None:
        operation["x-permission"] = route.allow.value
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=_name(route.body))}}},
        }
    return operation


def _parameters(route: Route) -> list[Document]:
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 200}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not NoQuery:
        schema = route.query.model_json_schema()
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": field}
            for name, field in schema["properties"].items()
        ]
    if route.idempotent:
        schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return parameters


def _responses(route: Route) -> Document:
    responses: Document = {}
    if route.media:
        file: Document = {"schema": {"type": "string", "format": "binary"}}
        kinds = dict.fromkeys(route.media, file)
        responses[str(route.status)] = {"description": route.summary, "content": kinds}
    elif route.answer is None:
        responses["204"] = {"description": "Done"}
    else:
        reference = {"$ref": _REF.format(model=_name(route.answer))}
        content = {"application/json": {"schema": reference}}
        responses[str(route.status)] = {"description": route.summary, "content": content}
    statuses = {400, 413, 422, 429, 503, *route.problems}
    if not route.public or route.security != "bearer":
        statuses |= {401, 403}
    if "{" in route.path:
        statuses.add(404)
    if route.body is not None:
        statuses.add(415)
    if route.idempotent:
        statuses.add(409)
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    for status in sorted(statuses):
        responses[str(status)] = {"description": TITLES[status], "content": content}
    return responses


def _name(model: type[BaseModel]) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", model.__name__)
