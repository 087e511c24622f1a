"""Money, against oracles that count naively."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.ids import LicenceId, OrganisationId
from licensing.domain.fees import Fee, fee, round_half_up
from licensing.domain.licence import Change
from licensing.domain.months import Calendar, Month
from licensing.domain.months import following as name_following
from licensing.domain.shipped_plans import STANDARD
from licensing.domain.states import EFFECTS, Cause, State
from licensing.domain.timeline import Entry, intervals
from unit.licensing.lives import START, begun

ZONES = [
    "UTC",
    "Europe/Prague",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
]
PRICE = 500


def calendar_month(year: int, month: int, zone: str) -> Month:
    return Calendar.of(zone).month(f"{year}-{month:02}")


def _price(_: Entry) -> int:
    return PRICE


def _at(milliseconds: int) -> datetime:
    return START + timedelta(milliseconds=milliseconds)


def _entry(number: int, state: State, since: datetime) -> Entry:
    return Entry(LicenceId("l"), OrganisationId("o"), number, state, Cause.REGISTERED, STANDARD, since, since)


@pytest.mark.parametrize(
    ("year", "month", "zone", "seconds"),
    [
        (2026, 2, "UTC", 28 * 86_400),
        (2028, 2, "UTC", 29 * 86_400),
        (2026, 3, "UTC", 31 * 86_400),
        (2026, 3, "Europe/Prague", 31 * 86_400 - 3_600),
        (2026, 10, "Europe/Prague", 31 * 86_400 + 3_600),
        (2026, 10, "Australia/Lord_Howe", 31 * 86_400 - 1_800),
    ],
)
def test_a_month_has_the_seconds_of_its_calendar_and_its_clocks(
    year: int, month: int, zone: str, seconds: int
) -> None:
    assert calendar_month(year, month, zone).seconds == seconds


@given(
    st.integers(946_684_800, 2_366_841_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(ZONES),
)
def test_every_instant_is_in_exactly_one_month_and_months_touch(moment: datetime, zone: str) -> None:
    month = Calendar.of(zone).month_at(moment)
    assert month.start <= moment < month.end
    following = Calendar.of(zone).month_at(month.end)
    assert following.start == month.end
    assert following.name == name_following(month.name)


def test_a_month_that_shows_its_first_midnight_twice_begins_with_the_first() -> None:
    havana = "America/Havana"  # on 1 November 2026 the clocks go from 01:00 back to 00:00
    month = calendar_month(2026, 11, havana)
    assert month.start == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert month.seconds == 30 * 86_400 + 3_600


def test_a_whole_month_costs_exactly_its_price_wherever_and_whenever() -> None:
    for zone in ZONES:
        for number in range(1, 13):
            month = calendar_month(2028, number, zone)
            always = intervals([_entry(1, State.ACTIVE, month.start - timedelta(days=99))])
            assert fee(always, month, month.end, _price) == Fee(month.seconds, Fraction(PRICE))


def test_nothing_is_charged_before_the_month_or_after_now() -> None:
    month = calendar_month(2026, 3, "UTC")
    always = intervals([_entry(1, State.ACTIVE, month.start - timedelta(days=99))])
    assert fee(always, month, month.start + timedelta(seconds=90), _price).seconds == 90
    assert fee(always, month, month.start - timedelta(seconds=1), _price).seconds == 0


MINUTE = Month("2026-03", _at(0), _at(60_000))
"""A month of sixty seconds: short enough to be counted on fingers."""

HISTORIES = st.lists(
    st.tuples(st.sampled_from(State), st.integers(-5_000, 70_000)), min_size=1, max_size=8
).map(lambda steps: [_entry(number, state, _at(ms)) for number, (state, ms) in enumerate(steps, 1)])


def _counted(entries: list[Entry], until: datetime) -> int:
    """Second by second: which state is it in its last millisecond? Later entries void earlier ones."""
    charged = 0
    for second in range(60):
        last = _at(second * 1_000 + 999)
        state = None
        for entry in entries:
            if entry.since <= last:
                state = entry.state
        if last < until and state is not None and EFFECTS[state].charged:
            charged += 1
    return charged


@given(HISTORIES, st.integers(0, 70_000))
@example([_entry(1, State.ACTIVE, _at(400)), _entry(2, State.OFF, _at(900))], 60_000)
def test_charged_seconds_are_those_that_a_patient_clerk_counts(entries: list[Entry], now: int) -> None:
    counted = _counted(entries, _at(now))
    found = fee(intervals(entries), MINUTE, _at(now), _price)
    assert found == Fee(counted, Fraction(PRICE * counted, 60))


STEPS = st.lists(
    st.tuples(st.sampled_from(["off", "on", "wait"]), st.integers(0, 40 * 86_400_000)), max_size=12
)


@given(STEPS, st.booleans(), st.sampled_from(ZONES), st.none() | st.integers(0, 400 * 86_400_000))
def test_the_fees_of_all_months_together_are_the_charged_seconds_of_a_life(
    steps: list[tuple[str, int]], trial: bool, zone: str, removed: int | None
) -> None:
    changes, now = _lived(steps, trial=trial)
    if removed is not None:
        changes += changes[-1].licence.removed(START + timedelta(milliseconds=removed), now)
    changes += changes[-1].licence.caught_up(now)
    timeline = intervals([Entry.of(change) for change in changes])
    total, month = 0, Calendar.of(zone).month_at(START)
    while month.start <= now:
        total += fee(timeline, month, now, _price).seconds
        month = Calendar.of(zone).month_at(month.end)
    assert total == _by_breakpoints([Entry.of(change) for change in changes], now)


def _lived(steps: list[tuple[str, int]], *, trial: bool) -> tuple[list[Change], datetime]:
    changes, now = [begun() if trial else begun(trial=None)], START
    for what, after in steps:
        now += timedelta(milliseconds=after)
        licence = changes[-1].licence
        moves = {"off": licence.turned_off, "on": licence.turned_on, "wait": licence.caught_up}
        changes += moves[what](now)
    return changes, now


def _by_breakpoints(entries: list[Entry], now: datetime) -> int:
    """Cut time wherever anything begins, and ask for each piece who has the last word in it."""
    cuts = sorted({entry.since for entry in entries if entry.since < now} | {now})
    charged = 0
    for start, end in pairwise(cuts):
        word = max((entry for entry in entries if entry.since <= start), key=lambda entry: entry.number)
        if EFFECTS[word.state].charged:
            charged += int(end.timestamp()) - int(start.timestamp())
    return charged


@given(st.integers(0, 10**9), st.integers(1, 10**7))
def test_rounding_is_half_up_and_never_off_by_more_than_half(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert Fraction(-1, 2) < round_half_up(exact) - exact <= Fraction(1, 2)


def test_half_a_cent_is_a_cent() -> None:
    assert round_half_up(Fraction(1, 2)) == 1
    assert round_half_up(Fraction(3, 2)) == 2
    assert Fee(1, Fraction(1, 3)).micros == 333_333
