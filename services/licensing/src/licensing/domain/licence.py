"""A licence: one plan on one camera of one organisation (LI-1), and how it moves through the table.

All instants are on the organisation's own clock, which is the real one except under test (`domain.clocks`).
Every method first lets the trial end if its time has come, so an answer never depends on whether some
background work was in time (rule 19: recompute from facts, not from timers).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.licensing import LicenceChanged
from common.errors import Conflict
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.plans import Plan, entitlements, plan_named
from licensing.domain.states import Cause, Circumstance, State, target


@dataclass(frozen=True, slots=True)
class Licence:
    id: LicenceId
    organisation: OrganisationId
    camera: CameraId
    device: str
    plan: str
    plan_version: int
    state: State
    cause: Cause
    since: datetime
    registered_at: datetime
    trial_ends: datetime | None
    """None: the device had its trial before (D7)."""
    version: int
    """Counts the changes of state."""

    @property
    def ended_at(self) -> datetime | None:
        return self.since if self.state is State.ENDED else None

    def caught_up(self, now: datetime) -> "list[Change]":
        """The end of the trial, if it has come."""
        if self.state is not State.DEMO or self.trial_ends is None or now < self.trial_ends:
            return []
        return self._moved(Cause.TRIAL_ENDED, self.trial_ends, now)

    def as_of(self, now: datetime) -> "Licence":
        """The licence as it is at `now`, written or not."""
        return _latest(self, self.caught_up(now))

    def turned_off(self, now: datetime) -> "list[Change]":
        """Out of service by hand (LI-10). Off already: nothing changes. The trial runs on (D18)."""
        return self._turned(Cause.TURNED_OFF, now)

    def turned_on(self, now: datetime) -> "list[Change]":
        """Back in service, to whatever state the trial and the debts command (D17, D18)."""
        return self._turned(Cause.TURNED_ON, now)

    def removed(self, at: datetime, now: datetime) -> "list[Change]":
        """The camera left at `at` (D19). When that is heard late, what came after it is void."""
        at = max(at, self.registered_at)
        changes = self.caught_up(at)
        return changes + _latest(self, changes)._moved(Cause.REMOVED, at, now)

    def _turned(self, cause: Cause, now: datetime) -> "list[Change]":
        if self.state is State.ENDED:
            raise Conflict(
                "licence_ended",
                "The camera was removed and its licence has ended",
                next_step="Add the camera again to get a new licence.",
            )
        changes = self.caught_up(now)
        current = _latest(self, changes)
        # Replicas' clocks differ by milliseconds; only a removal may reach back into the past.
        return changes + current._moved(cause, max(now, current.since), now)

    def _moved(self, cause: Cause, at: datetime, now: datetime) -> "list[Change]":
        state = target(cause, self.state, circumstance(self.trial_ends, at))
        if state is None:
            return []
        moved = replace(self, state=state, cause=cause, since=at, version=self.version + 1)
        return [Change(moved, self.state, now)]


@dataclass(frozen=True, slots=True)
class Change:
    """A licence as it is after one change of state, and what there is to say about it."""

    licence: Licence
    previous: State | None
    recorded_at: datetime

    @property
    def event(self) -> LicenceChanged:
        licence = self.licence
        rights = entitlements(plan_named(licence.plan, licence.plan_version), licence.state)
        return LicenceChanged(
            organisation=licence.organisation,
            version=licence.version,
            at=self.recorded_at,
            licence=licence.id,
            camera=licence.camera,
            state=licence.state.value,
            previous=self.previous.value if self.previous else None,
            cause=licence.cause.value,
            since=licence.since,
            plan=licence.plan,
            portal_features=rights.portal_features,
            recording=rights.recording,
            charged=rights.charged,
            simultaneous_accesses=rights.simultaneous_accesses,
            trial_ends=licence.trial_ends,
        )


def registered(
    identity: LicenceId,
    organisation: OrganisationId,
    camera: CameraId,
    device: str,
    plan: Plan,
    trial: timedelta | None,
    *,
    at: datetime,
    now: datetime,
) -> Change:
    """A camera was connected for the first time, at `at`: Demo with a trial, else what the debts command."""
    trial_ends = at + trial if trial is not None else None
    state = target(Cause.REGISTERED, None, circumstance(trial_ends, at))
    assert state is not None, "the table lets a licence begin in every circumstance"
    licence = Licence(
        id=identity,
        organisation=organisation,
        camera=camera,
        device=device,
        plan=plan.name,
        plan_version=plan.version,
        state=state,
        cause=Cause.REGISTERED,
        since=at,
        registered_at=at,
        trial_ends=trial_ends,
        version=1,
    )
    return Change(licence, None, now)


def circumstance(trial_ends: datetime | None, at: datetime) -> Circumstance:
    """What holds for a licence at an instant. There are no debts as long as there are no invoices."""
    if trial_ends is not None and at < trial_ends:
        return Circumstance.TRIAL
    return Circumstance.CLEAR


def _latest(licence: Licence, changes: list[Change]) -> Licence:
    return changes[-1].licence if changes else licence
