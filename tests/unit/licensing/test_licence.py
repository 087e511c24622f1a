"""How one licence moves."""

from datetime import timedelta

import pytest

from common.errors import Conflict
from licensing.domain.plans import entitlements
from licensing.domain.shipped_plans import STANDARD
from licensing.domain.states import Cause, State
from licensing.domain.timeline import Entry, intervals
from unit.licensing.lives import START, TRIAL, begun

DAY = timedelta(days=1)


def test_a_device_without_a_trial_behind_it_begins_in_demo() -> None:
    licence = begun().licence
    assert (licence.state, licence.trial_ends) == (State.DEMO, START + TRIAL)


def test_a_device_that_had_its_trial_is_charged_at_once() -> None:
    licence = begun(trial=None).licence
    assert (licence.state, licence.trial_ends) == (State.ACTIVE, None)


def test_the_trial_ends_when_it_ends_and_not_when_somebody_looks() -> None:
    late = START + TRIAL + DAY
    (change,) = begun().licence.caught_up(late)
    assert (change.licence.state, change.licence.since) == (State.ACTIVE, START + TRIAL)
    assert (change.event.at, change.event.since, change.event.cause) == (late, START + TRIAL, "trial_ended")


def test_a_trial_runs_up_to_its_last_instant() -> None:
    licence = begun().licence
    assert licence.caught_up(START + TRIAL - timedelta(milliseconds=1)) == []
    assert len(licence.caught_up(START + TRIAL)) == 1


def test_off_during_demo_does_not_stop_the_trial_clock() -> None:
    (off,) = begun().licence.turned_off(START + DAY)
    assert off.licence.caught_up(START + TRIAL + DAY) == []
    (soon,) = off.licence.turned_on(START + 2 * DAY)
    (later,) = off.licence.turned_on(START + TRIAL)
    assert (soon.licence.state, later.licence.state) == (State.DEMO, State.ACTIVE)
    assert soon.licence.trial_ends == START + TRIAL


def test_turning_off_after_an_unwritten_trial_end_tells_both() -> None:
    changes = begun().licence.turned_off(START + TRIAL + DAY)
    assert [change.licence.cause for change in changes] == [Cause.TRIAL_ENDED, Cause.TURNED_OFF]
    assert [change.licence.version for change in changes] == [2, 3]


def test_turning_off_what_is_off_changes_nothing() -> None:
    (off,) = begun().licence.turned_off(START + DAY)
    assert off.licence.turned_off(START + 2 * DAY) == []


def test_an_ended_licence_cannot_be_turned_on() -> None:
    (ended,) = begun().licence.removed(START + DAY, START + DAY)
    with pytest.raises(Conflict) as refusal:
        ended.licence.turned_on(START + 2 * DAY)
    assert refusal.value.code == "licence_ended"
    assert ended.licence.removed(START + 2 * DAY, START + 2 * DAY) == []


def test_a_removal_heard_late_voids_what_came_after_it() -> None:
    begin = begun()
    (active,) = begin.licence.caught_up(START + TRIAL)
    (off,) = active.licence.turned_off(START + TRIAL + 2 * DAY)
    (ended,) = off.licence.removed(START + TRIAL + DAY, START + TRIAL + 3 * DAY)
    told = intervals([Entry.of(change) for change in (begin, active, off, ended)])
    assert [(interval.entry.state, interval.start, interval.end) for interval in told] == [
        (State.DEMO, START, START + TRIAL),
        (State.ACTIVE, START + TRIAL, START + TRIAL + DAY),
        (State.ENDED, START + TRIAL + DAY, None),
    ]


def test_a_removal_after_an_unwritten_trial_end_leaves_the_days_between_charged() -> None:
    begin = begun()
    removal = START + TRIAL + DAY
    changes = begin.licence.removed(removal, removal + DAY)
    told = intervals([Entry.of(change) for change in (begin, *changes)])
    assert [(interval.charged, interval.end) for interval in told] == [
        (False, START + TRIAL),
        (True, removal),
        (False, None),
    ]


def test_a_removal_before_the_first_connection_leaves_no_time_at_all() -> None:
    begin = begun()
    (ended,) = begin.licence.removed(START - DAY, START)
    assert [interval.entry.state for interval in intervals([Entry.of(begin), Entry.of(ended)])] == [
        State.ENDED
    ]


def test_what_a_camera_may_do_is_its_plan_cut_to_its_state() -> None:
    active, suspended, off = (entitlements(STANDARD, s) for s in (State.ACTIVE, State.SUSPENDED, State.OFF))
    assert (active.live_view, active.simultaneous_accesses, active.recording) == (True, 5, True)
    assert (suspended.live_view, suspended.simultaneous_accesses, suspended.recording) == (False, 0, True)
    assert (off.live_view, off.simultaneous_accesses, off.recording) == (False, 0, False)
