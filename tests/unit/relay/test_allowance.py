"""Months by the calendar of a time zone, and the allowance of 300 * 10^9 bytes."""

from datetime import UTC, datetime

import pytest

from common.ids import OrganisationId
from relay.domain.allowance import ALLOWANCE_BYTES, MonthUsage, period_of

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
    period = period_of(moment, zone)
    assert period.label == label
    assert period.starts_at <= moment < period.ends_at


def test_months_follow_one_another_without_a_gap_across_summer_time() -> None:
    march = period_of(datetime(2026, 3, 10, tzinfo=UTC), "Europe/Rome")
    april = period_of(march.ends_at, "Europe/Rome")
    assert (march.label, april.label) == ("2026-03", "2026-04")
    assert april.starts_at == march.ends_at == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_an_unknown_time_zone_counts_as_utc() -> None:
    assert period_of(MIDDLE, "Atlantis/Capital").time_zone == "UTC"
    assert period_of(MIDDLE, "../../etc/passwd").time_zone == "UTC"


def month(used: int = 0, announced: int = 0) -> MonthUsage:
    return MonthUsage(ORGANISATION, period_of(MIDDLE, "UTC"), used, announced)


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
    january = period_of(datetime(2027, 1, 5, tzinfo=UTC), "UTC")
    _, later = MonthUsage(ORGANISATION, january).add(ALLOWANCE_BYTES, january.starts_at)
    versions = [event.version for event in (*november, *later)]
    assert versions == sorted(set(versions))
