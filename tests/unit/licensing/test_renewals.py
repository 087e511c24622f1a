"""When licences move on to a later version of their plan: at the beginning of a month, in time, for ever the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.catalogue import Catalogue, ServicePlan
from licensing.domain.months import Calendar
from licensing.domain.plans import Plan
from licensing.domain.renewals import Renewals
from licensing.domain.shipped_plans import STANDARD
from licensing.domain.states import Cause
from licensing.domain.timeline import Entry, intervals
from licensing.service.plan_notices import EVERY, _opens
from unit.licensing.lives import START, begun

ZONES = ("UTC", "Europe/Prague", "Pacific/Kiritimati", "Etc/GMT+12", "America/Havana", "Asia/Kathmandu")
HOURS = st.integers(0, 400 * 24)
NOTICE = st.integers(1, 90)


def published(*hours: tuple[int, int], notice: int = 30) -> ServicePlan:
    """Versions that were published so many hours after START, each valid some hours later."""
    plan = ServicePlan("standard", (STANDARD,))
    for after, more in sorted(hours):
        now = START + timedelta(hours=after)
        since = max(now + timedelta(hours=more), plan.latest.valid_from)
        content = replace(STANDARD, notice_days=notice)
        plan = plan.published(content, since if since > now else None, now)
    return plan


def renewals(plan: ServicePlan, zone: str) -> Renewals:
    return Renewals(Catalogue.of([plan]), Calendar.of(zone))


@given(HOURS, st.integers(0, 2_000), NOTICE, st.sampled_from(ZONES))
def test_it_is_the_first_month_after_validity_and_notice(
    after: int, more: int, notice: int, zone: str
) -> None:
    plan = published((after, more), notice=notice)
    found = renewals(plan, zone).next(STANDARD)
    assert found is not None
    local = found.at.astimezone(ZoneInfo(zone))
    assert (local.day, local.hour) == (1, 0) or zone == "America/Havana", "clocks change at midnight there"
    assert found.at >= max(plan.latest.valid_from, plan.latest.published_at + timedelta(days=notice))
    assert found.at - plan.latest.reaches_from <= timedelta(days=31, hours=1)
    assert found.told_from >= plan.latest.published_at
    assert _opens(plan.latest) <= found.told_from - EVERY, "who is to be told is looked for by then"


@given(st.lists(st.tuples(HOURS, st.integers(0, 999)), min_size=1, max_size=5), st.lists(HOURS, max_size=6))
def test_how_often_one_looks_does_not_matter(versions: list[tuple[int, int]], looks: list[int]) -> None:
    terms = renewals(published(*versions), "Europe/Prague")
    end = START + timedelta(days=600)
    once = begun().licence.caught_up(end, renewals=terms)
    licence, often = begun().licence, []
    for hours in [*sorted(looks), 600 * 24]:
        now = START + timedelta(hours=hours)
        changes = licence.caught_up(now, renewals=terms)
        often += changes
        licence = changes[-1].licence if changes else licence
    assert [one.licence for one in once] == [one.licence for one in often]
    assert once[-1].licence.plan.version == 1 + len(versions)


def test_a_version_that_another_replaces_in_the_same_instant_is_passed_over() -> None:
    terms = renewals(published((0, 0), (6, 0)), "UTC")
    found = terms.next(STANDARD)
    assert found is not None
    assert (found.plan.version, found.at) == (3, datetime(2026, 4, 1, tzinfo=UTC))
    assert terms.next(found.plan) is None


def test_a_month_begins_before_what_else_happens_in_that_instant() -> None:
    """So the month close can write it, whatever comes then."""
    terms = renewals(published((0, 0)), "UTC")
    trial = datetime(2026, 4, 1, tzinfo=UTC) - START
    changes = begun(trial).licence.caught_up(START + timedelta(days=60), renewals=terms)
    assert [one.licence.cause for one in changes] == [Cause.PLAN_RENEWED, Cause.TRIAL_ENDED]
    assert len({one.licence.since for one in changes}) == 1


def test_what_was_before_keeps_its_version() -> None:
    terms = renewals(published((0, 0)), "UTC")
    begin = begun()
    late = START + timedelta(days=90)
    told = intervals(map(Entry.of, [begin, *begin.licence.turned_off(late, renewals=terms)]))
    assert [(one.entry.plan.version, one.start) for one in told] == [
        (1, START),
        (1, START + timedelta(days=30)),
        (2, datetime(2026, 4, 1, tzinfo=UTC)),
        (2, late),
    ]


def test_the_setting_for_notice_changes_nothing_that_was_published() -> None:
    plan = published((0, 0), notice=30)
    later: Plan = replace(STANDARD, notice_days=1)
    changed = plan.published(later, None, START + timedelta(days=1))
    found = renewals(changed, "UTC").next(STANDARD)
    assert found is not None
    assert (found.plan.version, found.plan.notice_days) == (3, 1)
    assert renewals(plan, "UTC").next(STANDARD) == renewals(plan, "UTC").next(STANDARD)
