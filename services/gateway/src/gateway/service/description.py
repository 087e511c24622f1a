"""One description of the whole API, merged from what each service says about itself."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
_PREFIX = "#/components/"


def merge(own: Document, parts: Mapping[str, Document | None]) -> Document:
    """The gateway's own OpenAPI document with those of the services merged in.

    A component that two services define differently under one name keeps its name in the first and carries
    the service's name in the other. A service that did not answer (None) is named in `x-unavailable`.
    """
    merged: Document = {**own, "paths": dict(own.get("paths", {}))}
    components: dict[str, Document] = {kind: dict(items) for kind, items in own["components"].items()}
    for service, part in parts.items():
        if part is None:
            continue
        renamed = _add_components(components, service, part.get("components", {}))
        for path, item in part.get("paths", {}).items():
            known = merged["paths"].get(path, {})
            merged["paths"][path] = {**_rewritten(item, renamed), **known}
    missing = sorted(service for service, part in parts.items() if part is None)
    if missing:
        info = merged["info"]
        note = f"Not described just now, because they did not answer: {', '.join(missing)}."
        merged["info"] = {**info, "description": f"{info.get('description', '')}\n\n{note}".strip()}
        merged["x-unavailable"] = missing
    merged["components"] = components
    return merged


def _add_components(known: dict[str, Document], service: str, components: Document) -> dict[str, str]:
    """Add a service's components; old reference -> new one for those that had to be renamed."""
    renamed = {
        f"{_PREFIX}{kind}/{name}": f"{_PREFIX}{kind}/{service.capitalize()}{name}"
        for kind, items in components.items()
        for name, item in items.items()
        if known.get(kind, {}).get(name, item) != item
    }
    for kind, items in components.items():
        place = known.setdefault(kind, {})
        for name, item in items.items():
            reference = renamed.get(f"{_PREFIX}{kind}/{name}")
            place[reference.rpartition("/")[2] if reference else name] = _rewritten(item, renamed)
    return renamed


def _rewritten(node: Any, renamed: Mapping[str, str]) -> Any:
    if not renamed:
        return node
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _rewritten(value, renamed)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rewritten(item, renamed) for item in node]
    return node
