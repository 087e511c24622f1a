"""Claims, cameras and what belongs to them as documents and back."""

from dataclasses import asdict, fields

from common.database import Document, Save, Update, Write
from common.sealing import Envelopes
from provisioning.domain import (
    SHOWN,
    Camera,
    Claim,
    Credentials,
    GivenBack,
    Item,
    Retired,
    Transfer,
    Tried,
    endings,
)
from provisioning.domain.claim_code import ClaimCode
from provisioning.service.needs import Aggregate
from provisioning.store.claim_codes import CODES, of_claim_code

CLAIMS, ITEMS, TRANSFERS, TRIES = "claims", "items", "transfers", "claim_tries"

_CLAIM = tuple(field.name for field in fields(Claim) if field.name != "id")
_CAMERA = tuple(field.name for field in fields(Camera) if field.name not in ("id", "credentials", "retired"))
_TRANSFER = tuple(field.name for field in fields(Transfer) if field.name != "id")
_CREDENTIALS = tuple(field.name for field in fields(Credentials) if field.name != "token_hash")


def written(thing: Aggregate) -> Write:
    match thing:
        case Claim():
            return Save(CLAIMS, of_claim(thing))
        case Camera():
            return Save(ITEMS, of_camera(thing))
        case Transfer():
            return Save(TRANSFERS, of_transfer(thing))
        case ClaimCode():
            return Save(CODES, of_claim_code(thing))
        case Tried(afresh=True):
            return Update(TRIES, {"_id": thing.id}, {"$set": {"tries": 1, "until": thing.until}}, upsert=True)
        case Tried():
            change = {"$inc": {"tries": 1}, "$setOnInsert": {"until": thing.until}}
            return Update(TRIES, {"_id": thing.id}, change, upsert=True)
        case GivenBack():
            return Update(TRIES, {"_id": thing.id, "tries": {"$gt": 0}}, {"$inc": {"tries": -1}})


# A field that a document lacks is younger than the document: it has its default.


def of_claim(claim: Claim) -> Document:
    document: Document = {"_id": claim.id, "live": claim.live, "proved": claim.proved_at is not None}
    document["tentative"] = claim.tentative
    return document | {name: getattr(claim, name) for name in _CLAIM}


def to_claim(row: Document) -> Claim:
    return Claim(id=row["_id"], **{name: row[name] for name in _CLAIM if name in row})


def of_camera(camera: Camera) -> Document:
    document: Document = {"_id": camera.id} | {name: getattr(camera, name) for name in _CAMERA}
    document |= findable(camera, camera.device)
    hashes = [camera.moved_token] if camera.moved_token else []
    if camera.credentials is not None:
        hashes.append(camera.credentials.token_hash)
        document["token_hash"] = camera.credentials.token_hash
        document["credentials"] = {name: getattr(camera.credentials, name) for name in _CREDENTIALS}
    if camera.retired is not None:
        hashes.append(camera.retired.token_hash)
        document["retired"] = asdict(camera.retired)
    if camera.root_password is not None:
        document["root_key"] = Envelopes.key_of(camera.root_password)
    if hashes:
        document["token_hashes"] = hashes
    return document


def to_camera(row: Document) -> Camera:
    credentials = retired = None
    if "token_hash" in row:
        kept = {name: row["credentials"][name] for name in _CREDENTIALS if name in row["credentials"]}
        credentials = Credentials(token_hash=row["token_hash"], **kept)
    if "retired" in row:
        retired = Retired(**row["retired"])
    known = {name: row[name] for name in _CAMERA if name in row}
    return Camera(id=row["_id"], credentials=credentials, retired=retired, **known)


def of_transfer(transfer: Transfer) -> Document:
    document: Document = {"_id": transfer.id, "contested": transfer.state == "contested"}
    document["barring"] = transfer.state in ("contested", "upheld")
    document["organisations"] = [transfer.from_organisation, transfer.to_organisation]
    return document | {name: getattr(transfer, name) for name in _TRANSFER}


def to_transfer(row: Document) -> Transfer:
    return Transfer(id=row["_id"], **{name: row[name] for name in _TRANSFER if name in row})


def findable(item: Item, device: str | None = None) -> Document:
    """What an item is found by; one that is not shown is not found."""
    return {"endings": endings(item.name, device)} if item.kind in SHOWN else {}
