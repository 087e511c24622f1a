"""The meter: from what a relay node's log says to what each allocation has forwarded.

Only bytes that the relay itself forwarded to either side count (D10), and only for sessions that the node
opened after checking a credential: everything else in the log can be inflated by strangers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from common.contracts.relay import UsageSampled
from common.ids import OrganisationId, RemoteSessionId
from relay.domain.credentials import whose


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """The node (re)started: what lived before is gone and its session ids begin anew."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The node accepted a credential and opened a session."""

    session: str
    username: str
    place: str
    """Where the log says so: unique for ever on this node, while its session ids come again."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Bytes sent on since the last such fact, in one direction."""

    session: str
    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Closed:
    session: str


Fact = NodeStarted | Opened | Forwarded | Closed


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a log was read: which file (it may have been renamed since) and how many bytes."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Tally:
    """One live allocation."""

    allocation: str
    organisation: OrganisationId
    session: RemoteSessionId
    forwarded_bytes: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Meter:
    """Everything that must survive a crash between two readings of a node's log."""

    node: str
    position: Position | None = None
    live: Mapping[str, Tally] = field(default_factory=dict)
    """The node's session id -> its tally."""
    version: int = 0

    def read(self, facts: Iterable[Fact], position: Position) -> "tuple[Meter, list[UsageSampled]]":
        """After the facts up to `position`: the new meter, and one sample per allocation that forwarded
        something (more when the facts span several quarters of an hour)."""
        pages = _Pages(self)
        for fact in facts:
            pages.note(fact)
        meter = replace(self, position=position, live=pages.live, version=self.version + 1)
        return meter, list(pages.samples.values())


class _Pages:
    """The working copy of one reading."""

    def __init__(self, meter: Meter) -> None:
        self._node = meter.node
        self.live = dict(meter.live)
        self.samples: dict[tuple[str, datetime], UsageSampled] = {}

    def note(self, fact: Fact) -> None:
        match fact:
            case NodeStarted():
                self.live.clear()
            case Opened():
                self._open(fact)
            case Forwarded(session=session, at=at, count=count) if count:
                self._forward(session, at, count)
            case Closed(session=session):
                self.live.pop(session, None)

    def _open(self, opened: Opened) -> None:
        owner = whose(opened.username)
        if owner is not None:
            self.live[opened.session] = Tally(f"{self._node}.{opened.place}", *owner)

    def _forward(self, session: str, at: datetime, count: int) -> None:
        tally = self.live.get(session)
        if tally is None:  # never opened: a stranger's traffic
            return
        # In every time zone a month begins on a quarter of an hour: a sample never spans two months, even
        # when the meter catches up with a long log.
        page = (tally.allocation, at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0))
        sequence = tally.sequence + (page not in self.samples)
        tally = replace(tally, forwarded_bytes=tally.forwarded_bytes + count, sequence=sequence)
        self.live[session] = tally
        self.samples[page] = UsageSampled(
            organisation=tally.organisation,
            version=sequence,
            at=at,
            session=tally.session,
            allocation=tally.allocation,
            forwarded_bytes=tally.forwarded_bytes,
        )
