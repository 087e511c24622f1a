"""What changed in an organisation, as its people may hear it: a bounded window per organisation."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from common.auth import Action
from common.contracts import Event
from common.contracts.provisioning import ItemsMoved

VISIBLE: Final[Mapping[str, Action]] = {
    "identity.organisation_created.v1": Action.READ_ORGANISATION,
    "identity.visitor_entered.v1": Action.READ_ORGANISATION,
    "identity.visitor_left.v1": Action.READ_ORGANISATION,
    "provisioning.camera_claimed.v1": Action.READ_CAMERAS,
    "provisioning.claim_progressed.v1": Action.READ_CAMERAS,
    "provisioning.camera_connected.v1": Action.READ_CAMERAS,
    "provisioning.presence_changed.v1": Action.READ_CAMERAS,
    "provisioning.camera_renamed.v1": Action.READ_CAMERAS,
    "provisioning.camera_removed.v1": Action.READ_CAMERAS,
    "provisioning.item_added.v1": Action.READ_CAMERAS,
    "provisioning.item_renamed.v1": Action.READ_CAMERAS,
    "provisioning.items_moved.v1": Action.READ_CAMERAS,
    "provisioning.item_removed.v1": Action.READ_CAMERAS,
    "provisioning.claim_import_progressed.v1": Action.READ_CAMERAS,
    "provisioning.transfer_changed.v1": Action.READ_CAMERAS,
    "licensing.licence_changed.v1": Action.READ_LICENCES,
    "licensing.test_clock_moved.v1": Action.READ_LICENCES,
    "relay.server_status_changed.v1": Action.READ_SERVERS,
    "relay.remote_session_opened.v1": Action.READ_SERVERS,
    "relay.remote_session_closed.v1": Action.READ_SERVERS,
    "relay.allowance_crossed.v1": Action.READ_USAGE,
}
"""Events people hear, and what their role must permit for it. Usage samples are too many to be news."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The items of the tree, cameras among them, and the servers that something is about."""

    items: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, event: Event) -> "Subjects":
        """By the names that all contracts use. None of them: it is about the organisation."""
        items = (getattr(event, name, None) for name in ("camera", "item"))
        return cls(_ids(items), _ids([getattr(event, "server", None)]))

    @classmethod
    def of_all(cls, several: Iterable["Subjects"]) -> "Subjects":
        """All of them together."""
        items, servers = set[str](), set[str]()
        for one in several:
            items |= one.items
            servers |= one.servers
        return cls(frozenset(items), frozenset(servers))

    def meets(self, reached: "Subjects") -> bool:
        """Whether somebody who reaches these hears of it."""
        return not (self.items.isdisjoint(reached.items) and self.servers.isdisjoint(reached.servers))


def _ids(found: Iterable[str | None]) -> frozenset[str]:
    return frozenset(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, ready to be sent."""

    id: str
    organisation: str
    needs: Action
    frame: bytes
    """As server-sent event, blank line included."""
    about: Subjects = Subjects()
    rearranges: bool = False
    """Things may have come into somebody's part, or left it."""

    @classmethod
    def of(cls, identity: str, organisation: str, event: Event, body: bytes) -> "Happening":
        """`body` is the event's JSON, which has no line breaks."""
        frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (identity.encode(), event.wire.encode(), body)
        moved = event.wire == ItemsMoved.wire
        return cls(identity, organisation, VISIBLE[event.wire], frame, Subjects.of(event), moved)

    def seen_by(self, reached: Subjects) -> bytes:
        """What of it is told to somebody who reaches no more than these. Not what was moved where: that could
        be things of others."""
        if self.rearranges:
            return reset("rearranged")
        return self.frame if self.about.meets(reached) else b""


def reset(reason: str) -> bytes:
    """Tells a client to load its lists anew: what it missed cannot be told one by one."""
    return b'retry: 1000\nevent: reset\ndata: {"reason":"%b"}\n\n' % reason.encode()


class Window:
    """The latest happenings of each organisation; the quietest organisations are forgotten first."""

    def __init__(self, each: int = 500, organisations: int = 10_000) -> None:
        self._each = each
        self._organisations = organisations
        self._latest: OrderedDict[str, deque[Happening]] = OrderedDict()

    def add(self, happening: Happening) -> bool:
        """False when it is in the window already (it was delivered twice)."""
        latest = self._latest.get(happening.organisation)
        if latest is None:
            latest = self._latest[happening.organisation] = deque(maxlen=self._each)
            if len(self._latest) > self._organisations:
                self._latest.popitem(last=False)
        elif any(known.id == happening.id for known in latest):
            return False
        latest.append(happening)
        self._latest.move_to_end(happening.organisation)
        return True

    def after(self, organisation: str, identity: str) -> list[Happening] | None:
        """What came after the happening `identity`; None when that one is not known (any more)."""
        latest = list(self._latest.get(organisation, ()))
        for index, happening in enumerate(latest):
            if happening.id == identity:
                return latest[index + 1 :]
        return None
