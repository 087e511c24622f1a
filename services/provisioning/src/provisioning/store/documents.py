"""Claims and cameras as documents and back."""

from dataclasses import fields

from common.database import Document
from provisioning.domain import Camera, Claim, Credentials, sort_key
from provisioning.service.needs import Item

_CLAIM = tuple(field.name for field in fields(Claim) if field.name != "id")
_CAMERA = tuple(field.name for field in fields(Camera) if field.name not in ("id", "credentials"))
_CREDENTIALS = tuple(field.name for field in fields(Credentials) if field.name != "token_hash")
_RANKS = {"folder": 0, "location": 0}


def of_claim(claim: Claim) -> Document:
    return {"_id": claim.id, "live": claim.live} | {name: getattr(claim, name) for name in _CLAIM}


def to_claim(row: Document) -> Claim:
    return Claim(id=row["_id"], **{name: row[name] for name in _CLAIM})


def of_camera(camera: Camera) -> Document:
    document: Document = {"_id": camera.id} | {name: getattr(camera, name) for name in _CAMERA}
    document["rank"] = _RANKS.get(camera.kind, 1)
    document["sort_name"] = sort_key(camera.name)
    if camera.credentials is not None:
        document["token_hash"] = camera.credentials.token_hash
        document["credentials"] = {name: getattr(camera.credentials, name) for name in _CREDENTIALS}
    return document


def to_camera(row: Document) -> Camera:
    credentials = None
    if "token_hash" in row:
        credentials = Credentials(token_hash=row["token_hash"], **row["credentials"])
    return Camera(id=row["_id"], credentials=credentials, **{name: row[name] for name in _CAMERA})


def to_item(row: Document) -> Item:
    return Item(
        id=row["_id"],
        kind=row["kind"],
        name=row["name"],
        parent=row["parent"],
        rank=row["rank"],
        sort_name=row["sort_name"],
        removed_at=row.get("removed_at"),
    )
