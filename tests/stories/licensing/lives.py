"""What licensing must answer, told by a model that knows the requirements and the table, and nothing else."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from common.contracts.provisioning import CameraConnected, CameraRemoved
from licensing.domain.states import Circumstance, State

TRIAL = timedelta(days=3)
WHERE = {
    Circumstance.CLEAR: State.ACTIVE,
    Circumstance.OVERDUE: State.SUSPENDED,
    Circumstance.ARREARS: State.INACTIVE,
}


@dataclass(slots=True)
class Camera:
    """One claim of a device by an organisation, as far as licensing has heard of it."""

    organisation: str
    device: str
    connected: bool = False
    removed: bool = False
    off: bool = False
    trial_ends: datetime | None = None
    plan: str = "standard"

    def state(self, now: datetime, standing: Circumstance) -> State:
        if self.removed:
            return State.ENDED
        if self.off:
            return State.OFF
        if self.trial_ends is not None and now < self.trial_ends:
            return State.DEMO
        return WHERE[standing]


@dataclass(slots=True)
class Model:
    cameras: dict[str, Camera] = field(default_factory=dict)
    standing: dict[str, Circumstance] = field(default_factory=dict)
    trials: set[str] = field(default_factory=set)
    """Devices that had theirs."""

    def hear(self, event: CameraConnected | CameraRemoved) -> None:
        known = self.cameras.setdefault(event.camera, Camera(event.organisation, event.device))
        if isinstance(event, CameraRemoved):
            known.removed = True
        elif not known.connected:
            known.connected = True
            if event.device not in self.trials:
                self.trials.add(event.device)
                known.trial_ends = event.at + TRIAL

    def owes(self, organisation: str, owed: list[dict[str, Any]], now: datetime) -> None:
        """What is unpaid now. Overdue after its last day; arrears when that day's month is over, until nothing
        is owed at all."""
        before = self.standing.get(organisation, Circumstance.CLEAR)
        dues = [datetime.fromisoformat(one["due_at"]) for one in owed]
        if any(_month_over(due) <= now for due in dues) or (before is Circumstance.ARREARS and dues):
            found = Circumstance.ARREARS
        elif any(due <= now for due in dues):
            found = Circumstance.OVERDUE
        else:
            found = Circumstance.CLEAR
        self.standing[organisation] = found

    def states(self, organisation: str, now: datetime) -> dict[str, State]:
        """Camera -> where its licence is; none without a connection that was heard."""
        standing = self.standing.get(organisation, Circumstance.CLEAR)
        return {
            name: one.state(now, standing)
            for name, one in self.cameras.items()
            if one.organisation == organisation and one.connected
        }


def _month_over(due: datetime) -> datetime:
    last = due.astimezone(UTC) - timedelta(microseconds=1)
    begin = last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max((begin + timedelta(days=32)).replace(day=1), due)
