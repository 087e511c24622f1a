"""What changed in an organisation, as its people may hear it: a bounded window per organisation."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from common.auth import Action

VISIBLE: Final[Mapping[str, Action]] = {
    "identity.organisation_created.v1": Action.READ_ORGANISATION,
    "identity.visitor_entered.v1": Action.READ_ORGANISATION,
    "identity.visitor_left.v1": Action.READ_ORGANISATION,
    "provisioning.camera_claimed.v1": Action.READ_CAMERAS,
    "provisioning.claim_progressed.v1": Action.READ_CAMERAS,
    "provisioning.camera_connected.v1": Action.READ_CAMERAS,
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
class Happening:
    """One event, ready to be sent."""

    id: str
    organisation: str
    needs: Action
    frame: bytes
    """As server-sent event, blank line included."""

    @classmethod
    def of(cls, identity: str, wire: str, organisation: str, body: bytes) -> "Happening":
        """`body` is the event's JSON, which has no line breaks."""
        frame = b"id: %b\nevent: %b\ndata: %b\n\n" % (identity.encode(), wire.encode(), body)
        return cls(identity, organisation, VISIBLE[wire], frame)


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
