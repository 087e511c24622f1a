"""The audit log: append-only, one hash chain per organisation, so that tampering shows.

Each entry's hash covers the entry and the hash before it (as in RFC 9162's spirit, a list instead of a tree).
The chain's head is sealed with a key that is not in the database: whoever rewrites the collection can make
hashes that fit each other, but not the seal.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from common.acting import By
from common.contracts import Event
from common.contracts.audit import ActRecorded, ActRefused, VisitorActed
from common.ids import OrganisationId

NOTHING_BEFORE = "0" * 64
LONGEST_DETAIL = 500
_FRAME = {"organisation", "version", "at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who did what to what, and when. `actor` None: the platform itself (a trial ended, a code expired)."""

    event: str
    """Id of the event that told of it: an event is recorded once."""
    organisation: OrganisationId
    at: datetime
    recorded_at: datetime
    actor: str | None
    via: str | None
    grant: str | None
    act: str
    object: str
    details: dict[str, str]
    sequence: int = 0
    previous: str = NOTHING_BEFORE
    hash: str = ""

    def chained(self, sequence: int, previous: str) -> "Entry":
        """The entry in its place."""
        placed = replace(self, sequence=sequence, previous=previous)
        return replace(placed, hash=placed.computed())

    def computed(self) -> str:
        """What `hash` must be: SHA-256 over all other fields as canonical JSON (sorted keys, RFC 3339)."""
        fields = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; None: whatever it is. `since` included, `until` not."""

    actor: str | None = None
    act: str | None = None
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where an organisation's chain ends."""

    organisation: OrganisationId
    sequence: int = 0
    hash: str = NOTHING_BEFORE
    seal: bytes = b""
    version: int = 0

    def appended(self, entries: Iterable[Entry], key: bytes) -> tuple["Head", list[Entry]]:
        """The chain with `entries` at its end."""
        sequence, last, chained = self.sequence, self.hash, []
        for entry in entries:
            sequence += 1
            chained.append(entry.chained(sequence, last))
            last = chained[-1].hash
        head = replace(self, sequence=sequence, hash=last, version=self.version + 1)
        return replace(head, seal=head.computed_seal(key)), chained

    def computed_seal(self, key: bytes) -> bytes:
        text = f"{self.organisation}:{self.sequence}:{self.hash}"
        return hmac.digest(key, text.encode(), "sha256")

    def genuine(self, key: bytes) -> bool:
        return hmac.compare_digest(self.seal, self.computed_seal(key))


@dataclass(slots=True)
class Check:
    """Follows a chain entry by entry. `broken_at`: the first sequence number that does not fit."""

    sequence: int = 0
    last: str = NOTHING_BEFORE
    broken_at: int | None = None

    def follow(self, entry: Entry) -> None:
        fits = (entry.sequence, entry.previous, entry.hash) == (
            self.sequence + 1,
            self.last,
            entry.computed(),
        )
        if not fits and self.broken_at is None:
            self.broken_at = self.sequence + 1
        self.sequence, self.last = entry.sequence, entry.hash


def entry_of(event: Event, identity: str, by: By | None, now: datetime) -> Entry:
    """The entry that an event makes. Times are kept to the millisecond, as the database does."""
    assert event.organisation is not None, "facts of the platform are in no organisation's log"
    act, subject, details = _told(event)
    return Entry(
        event=identity,
        organisation=event.organisation,
        at=_milliseconds(event.at),
        recorded_at=_milliseconds(now),
        actor=by.user if by else None,
        via=by.via if by else None,
        grant=by.grant if by else None,
        act=act,
        object=subject,
        details={name: str(value)[:LONGEST_DETAIL] for name, value in details.items() if value is not None},
    )


def _told(event: Event) -> tuple[str, str, dict[str, Any]]:
    """Act, object and details. Facts of the services are told under their own name."""
    match event:
        case ActRecorded():
            return event.act, event.object, event.details
        case ActRefused():
            return "refused", event.object, {"action": event.action, "code": event.code}
        case VisitorActed():
            return "visited", f"{event.method} {event.path}", {"status": event.status}
        case _:
            details = event.model_dump(mode="json", exclude=_FRAME)
            return event.wire.removesuffix(".v1"), event.subject, details


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
