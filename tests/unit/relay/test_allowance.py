"""Months by the calendar of a time zone, and the allowance of 300 * 10^9 bytes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import OrganisationId
from relay.domain.allowance import ALLOWANCE_BYTES, MonthUsage, Zones, period_of

ORGANISATION = OrganisationId("org-a")
MIDDLE = datetime(2026, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "label"),
    [
        ("2026-10-31T23:59:59.999Z", "UTC", "2026-10"),
        ("2026-11-01T00:00:00Z", "UTC", "2026-11"),
        ("2026-10-31T22:59:59Z", "Europe/Rome", "2026-10"),
        ("2026-10-31T23:00:00Z", "Europe/Rome", "2026-11"),
        ("2026-06-30T21:59:59Z", "Europe/Rome", "2026-06"),
        ("2026-06-30T22:00:00Z", "Europe/Rome", "2026-07"),
        ("2026-11-01T03:59:59Z", "America/New_York", "2026-10"),
        ("2026-11-01T04:00:00Z", "America/New_York", "2026-11"),
        ("2026-12-31T12:15:00Z", "Pacific/Chatham", "2027-01"),
        ("2026-12-31T18:30:00Z", "Asia/Kolkata", "2027-01"),
    ],
)
def test_a_month_begins_at_midnight_where_the_organisation_is(at: str, zone: str, label: str) -> None:
    moment = datetime.fromisoformat(at)
    period = period_of(moment, Zones(zone))
    assert period.label == label
    assert period.starts_at <= moment < period.ends_at


def test_months_follow_one_another_without_a_gap_across_summer_time() -> None:
    march = period_of(datetime(2026, 3, 10, tzinfo=UTC), Zones("Europe/Rome"))
    april = period_of(march.ends_at, Zones("Europe/Rome"))
    assert (march.label, april.label) == ("2026-03", "2026-04")
    assert april.starts_at == march.ends_at == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_an_unknown_time_zone_counts_as_utc() -> None:
    assert period_of(MIDDLE, Zones("Atlantis/Capital")).time_zone == "UTC"
    assert period_of(MIDDLE, Zones("../../etc/passwd")).time_zone == "UTC"


def month(used: int = 0, announced: int = 0) -> MonthUsage:
    return MonthUsage(ORGANISATION, period_of(MIDDLE, Zones()), used, announced)


def test_the_allowance_is_used_up_at_exactly_300_gb() -> None:
    assert not month(300_000_000_000 - 1).used_up
    assert month(300_000_000_000).used_up
    assert month(300_000_000_000 - 1).percent == 99.99


def test_what_was_forwarded_beyond_the_allowance_is_kept_and_nothing_is_left() -> None:
    usage, _ = month().add(ALLOWANCE_BYTES + 7, MIDDLE)
    assert (usage.used_bytes, usage.left_bytes) == (ALLOWANCE_BYTES + 7, 0)


def test_each_threshold_is_announced_once_in_a_month() -> None:
    usage, crossed = month().add(ALLOWANCE_BYTES * 85 // 100, MIDDLE)
    assert [event.percent for event in crossed] == [50, 80]
    usage, crossed = usage.add(-ALLOWANCE_BYTES * 10 // 100, MIDDLE)
    assert crossed == []
    usage, crossed = usage.add(ALLOWANCE_BYTES * 30 // 100, MIDDLE)
    assert [event.percent for event in crossed] == [90, 100]
    _, crossed = usage.add(ALLOWANCE_BYTES, MIDDLE)
    assert crossed == []


def test_versions_of_crossings_grow_with_threshold_and_month() -> None:
    _, november = month().add(ALLOWANCE_BYTES, MIDDLE)
    january = period_of(datetime(2027, 1, 5, tzinfo=UTC), Zones())
    _, later = MonthUsage(ORGANISATION, january).add(ALLOWANCE_BYTES, january.starts_at)
    versions = [event.version for event in (*november, *later)]
    assert versions == sorted(set(versions))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(["UTC", "Europe/Prague", "Pacific/Kiritimati", "America/Havana"]),
        )
    )
)
def test_months_touch_wherever_an_organisation_moves(moves: list[tuple[int, str]]) -> None:
    zones = Zones("America/New_York")
    for month, zone in sorted(moves):
        zones = zones.moved(zone, f"{2026 + month // 12}-{month % 12 + 1:02}")
    period = period_of(datetime(2025, 12, 15, tzinfo=UTC), zones)
    for _ in range(36):
        following = period_of(period.ends_at, zones)
        assert following.starts_at == period.ends_at
        assert period_of(period.ends_at - timedelta(microseconds=1), zones) == period
        period = following


def test_another_zone_holds_from_the_next_month_on_and_can_be_taken_back() -> None:
    zones = Zones("Europe/Prague").moved("Asia/Tokyo", "2026-03").moved("UTC", "2026-03")
    assert (zones.of("2026-03"), zones.of("2026-04")) == ("Europe/Prague", "UTC")
    assert zones.moved("Europe/Prague", "2026-03") == Zones("Europe/Prague")
