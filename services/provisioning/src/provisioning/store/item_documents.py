"""Items and undoable operations as documents and back."""

from dataclasses import fields
from typing import Any

from common.database import Document
from provisioning.domain import Camera, Item, ItemKind, Operation, Place, Step
from provisioning.service.item_needs import Entry
from provisioning.service.presence import Connection
from provisioning.store import documents

_ITEM = tuple(field.name for field in fields(Item) if field.name != "id")
ENTRY_FIELDS = ("kind", "name", "parent", "version", "device", "connected_at", "removed_at")


def of_item(item: Item) -> Document:
    if isinstance(item, Camera):
        return documents.of_camera(item)
    document: Document = {"_id": item.id} | {name: getattr(item, name) for name in _ITEM}
    return document | documents.findable(item)


def to_item(row: Document) -> Item:
    if "device" in row:
        return documents.to_camera(row)
    return Item(id=row["_id"], **{name: row[name] for name in _ITEM})


def to_entry(row: Document) -> Entry:
    kind: ItemKind = row["kind"]
    if kind != "camera":
        removed_at = row["removed_at"]
        return Entry(
            row["_id"], kind, row["name"], row["parent"], row["version"], row.get("device"), None, removed_at
        )
    connection: Connection = "waiting" if row["connected_at"] is None else "offline"
    return Entry(
        row["_id"], kind, row["name"], row["parent"], row["version"], row["device"], connection, None
    )


def of_operation(operation: Operation) -> Document:
    return {
        "organisation": operation.organisation,
        "user": operation.user,
        "what": operation.what,
        "subject": operation.subject,
        "at": operation.at,
        "steps": [
            {"item": step.item, "was": step.was._asdict(), "now": step.now._asdict()}
            for step in operation.steps
        ],
    }


def to_operation(row: Document) -> Operation:
    steps = tuple(Step(step["item"], _place(step["was"]), _place(step["now"])) for step in row["steps"])
    return Operation(row["organisation"], row["user"], row["what"], row["subject"], row["at"], steps)


def _place(row: dict[str, Any]) -> Place:
    return Place(**row)
