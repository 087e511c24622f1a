"""Claims and cameras as documents and back."""

from dataclasses import fields

from common.database import Document
from provisioning.domain import SHOWN, Camera, Claim, Credentials, Item, endings

_CLAIM = tuple(field.name for field in fields(Claim) if field.name != "id")
_CAMERA = tuple(field.name for field in fields(Camera) if field.name not in ("id", "credentials"))
_CREDENTIALS = tuple(field.name for field in fields(Credentials) if field.name != "token_hash")


def of_claim(claim: Claim) -> Document:
    return {"_id": claim.id, "live": claim.live} | {name: getattr(claim, name) for name in _CLAIM}


def to_claim(row: Document) -> Claim:
    return Claim(id=row["_id"], **{name: row[name] for name in _CLAIM if name in row})


def of_camera(camera: Camera) -> Document:
    document: Document = {"_id": camera.id} | {name: getattr(camera, name) for name in _CAMERA}
    document |= findable(camera, camera.device)
    if camera.credentials is not None:
        document["token_hash"] = camera.credentials.token_hash
        document["credentials"] = {name: getattr(camera.credentials, name) for name in _CREDENTIALS}
    return document


def to_camera(row: Document) -> Camera:
    credentials = None
    if "token_hash" in row:
        credentials = Credentials(token_hash=row["token_hash"], **row["credentials"])
    return Camera(
        id=row["_id"], credentials=credentials, **{name: row[name] for name in _CAMERA if name in row}
    )


def findable(item: Item, device: str | None = None) -> Document:
    """What an item is found by; one that is not shown is not found."""
    return {"endings": endings(item.name, device)} if item.kind in SHOWN else {}
