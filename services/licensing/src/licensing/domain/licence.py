"""A licence: one plan on one camera of one organisation (LI-1), and how it moves through the table.

All instants are on the organisation's own clock, which is the real one except under test (`domain.clocks`).
Every method first lets happen what time and debts have brought (the end of the trial, what the
organisation's standing commands, a later version of the plan), so an answer never depends on whether some
background work was in time (rule 19: recompute from facts, not from timers). `debts` must be read after the
licence: then they are at least as new as those that brought it where it is.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.licensing import LicenceChanged
from common.errors import Conflict, NotFound
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.plans import Plan, entitlements
from licensing.domain.renewals import NO_RENEWALS, Renewals
from licensing.domain.standing import COMMANDED, FOLLOWS, NO_DEBTS, Debts
from licensing.domain.states import Cause, Circumstance, State, target


@dataclass(frozen=True, slots=True)
class Licence:
    id: LicenceId
    organisation: OrganisationId
    camera: CameraId
    device: str
    plan: Plan
    state: State
    cause: Cause
    since: datetime
    registered_at: datetime
    trial_ends: datetime | None
    """None: the device had its trial before (D7)."""
    version: int
    """Counts the changes of state."""
    add_ons: tuple[str, ...] = ()
    """Keys of those of the plan's that it has, in the plan's order."""

    @property
    def ended_at(self) -> datetime | None:
        return self.since if self.state is State.ENDED else None

    def caught_up(
        self, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS
    ) -> "list[Change]":
        """What time and debts have brought by `now` and is not written yet, one after the other."""
        return self._caught_up(now, now, debts, renewals)

    def as_of(self, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS) -> "Licence":
        """The licence as it is at `now`, written or not."""
        return _latest(self, self.caught_up(now, debts, renewals))

    def turned_off(
        self, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS
    ) -> "list[Change]":
        """Out of service by hand (LI-10). Off already: nothing changes. The trial runs on (D18)."""
        return self._turned(Cause.TURNED_OFF, now, debts, renewals)

    def turned_on(
        self, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS
    ) -> "list[Change]":
        """Back in service, to whatever state the trial and the debts command (D17, D18)."""
        return self._turned(Cause.TURNED_ON, now, debts, renewals)

    def changed_plan(
        self, plan: Plan, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS
    ) -> "list[Change]":
        """Another plan from now on, in the same state; what was before keeps its price. Add-ons that the
        other plan has, too, are kept."""
        current = self.as_of(now, debts, renewals)
        if (current.plan.name, current.plan.version) == (plan.name, plan.version):
            return []
        *before, last = self._turned(Cause.PLAN_CHANGED, now, debts, renewals)
        return [*before, last.under(plan, current.add_ons)]

    def with_add_ons(
        self,
        keys: Collection[str],
        now: datetime,
        debts: Debts = NO_DEBTS,
        renewals: Renewals = NO_RENEWALS,
    ) -> "list[Change]":
        """Exactly these add-ons from now on. Those that its version of the plan does not have are refused."""
        current = self.as_of(now, debts, renewals)
        if len(current.plan.known(keys)) < len(set(keys)):
            raise NotFound(
                "add_on_not_found",
                "This camera's version of its plan has no such add-on",
                next_step="A newer version may have it: PUT /api/v1/licences/{id}/plan with the same plan.",
            )
        if set(keys) == set(current.add_ons):
            return []
        *before, last = self._turned(Cause.ADD_ONS_CHANGED, now, debts, renewals)
        return [*before, last.under(current.plan, keys)]

    def removed(
        self, at: datetime, now: datetime, debts: Debts = NO_DEBTS, renewals: Renewals = NO_RENEWALS
    ) -> "list[Change]":
        """The camera left at `at` (D19). When that is heard late, what came after it is void."""
        at = max(at, self.registered_at)
        changes = self._caught_up(at, now, debts, renewals)
        return changes + _latest(self, changes)._moved(Cause.REMOVED, at, now, debts)

    def _turned(self, cause: Cause, now: datetime, debts: Debts, renewals: Renewals) -> "list[Change]":
        if self.state is State.ENDED:
            raise Conflict(
                "licence_ended",
                "The camera was removed and its licence has ended",
                next_step="Add the camera again to get a new licence.",
            )
        changes = self.caught_up(now, debts, renewals)
        current = _latest(self, changes)
        # Replicas' clocks differ by milliseconds; only a removal may reach back into the past.
        return changes + current._moved(cause, max(now, current.since), now, debts)

    def _caught_up(self, until: datetime, now: datetime, debts: Debts, renewals: Renewals) -> "list[Change]":
        changes: list[Change] = []
        current = self
        while step := current._brought(until, now, debts, renewals):
            changes += step
            current = step[0].licence
        return changes

    def _brought(self, until: datetime, now: datetime, debts: Debts, renewals: Renewals) -> "list[Change]":
        """The next thing that time or debts bring, up to `until`."""
        found = self._commanded(until, debts)
        renewal = renewals.next(self.plan)
        # At the same instant a period begins first: then the month close can write it with the month.
        if renewal is not None and renewal.at <= (found[1] if found else until):
            moved = self._moved(Cause.PLAN_RENEWED, max(renewal.at, self.since), now, debts)
            return [one.under(renewal.plan, self.add_ons) for one in moved]
        return self._moved(*found, now, debts) if found else []

    def _commanded(self, until: datetime, debts: Debts) -> tuple[Cause, datetime] | None:
        if self.state is State.DEMO and self.trial_ends is not None and self.trial_ends <= until:
            return Cause.TRIAL_ENDED, self.trial_ends
        if self.state in COMMANDED:
            for since, standing in debts.periods(self.since):
                state, cause = FOLLOWS[standing]
                if state is not self.state and since <= until:
                    return cause, since
        return None

    def _moved(self, cause: Cause, at: datetime, now: datetime, debts: Debts) -> "list[Change]":
        state = target(cause, self.state, circumstance(self.trial_ends, at, debts))
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

    def under(self, plan: Plan, add_ons: Collection[str]) -> "Change":
        """The same change to other terms; add-ons that the plan does not have are left out."""
        licence = replace(self.licence, plan=plan, add_ons=plan.known(add_ons))
        return replace(self, licence=licence)

    @property
    def event(self) -> LicenceChanged:
        licence = self.licence
        rights = entitlements(licence.plan, licence.state, licence.add_ons)
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
            plan=licence.plan.name,
            portal_features=rights.portal_features,
            recording=rights.recording,
            charged=rights.charged,
            simultaneous_accesses=rights.simultaneous_accesses,
            trial_ends=licence.trial_ends,
            plan_version=licence.plan.version,
            add_ons=list(licence.add_ons),
            live_view=rights.live_view,
            retention_days=rights.retention_days,
            analytics=list(rights.analytics),
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
    debts: Debts = NO_DEBTS,
) -> Change:
    """A camera was connected for the first time, at `at`: Demo with a trial, else what the debts command."""
    trial_ends = at + trial if trial is not None else None
    state = target(Cause.REGISTERED, None, circumstance(trial_ends, at, debts))
    assert state is not None, "the table lets a licence begin in every circumstance"
    licence = Licence(
        id=identity,
        organisation=organisation,
        camera=camera,
        device=device,
        plan=plan,
        state=state,
        cause=Cause.REGISTERED,
        since=at,
        registered_at=at,
        trial_ends=trial_ends,
        version=1,
    )
    return Change(licence, None, now)


def circumstance(trial_ends: datetime | None, at: datetime, debts: Debts) -> Circumstance:
    """What holds for a licence at an instant. As long as its trial runs, debts play no part."""
    if trial_ends is not None and at < trial_ends:
        return Circumstance.TRIAL
    return debts.at(at)


def _latest(licence: Licence, changes: list[Change]) -> Licence:
    return changes[-1].licence if changes else licence
