"""The family of refresh tokens under every order of showing them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.ids import OrganisationId, SessionId, UserId
from identity.domain.policies import LONGEST_IDLE, LONGEST_SESSION, STRICT
from identity.domain.sessions import LATE, Session

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = OrganisationId("org-a")


def session(*, permanent: bool) -> Session:
    return Session(
        id=SessionId("s"), user=UserId("u"), organisation=HOME, permanent=permanent, refresh=b"0",
        agent="", created_at=START, used_at=START,
    )  # fmt: skip


@given(
    permanent=st.booleans(),
    shown=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), max_size=30),
)
def test_only_the_latest_token_refreshes_and_any_spent_one_ends_the_family(
    permanent: bool, shown: list[tuple[int, int]]
) -> None:
    current, now, latest = session(permanent=permanent), START, 0
    for back, minutes in shown:
        now += timedelta(minutes=minutes)
        token = max(0, latest - back % 3)
        idle = now - current.used_at >= timedelta(minutes=LONGEST_IDLE) and not permanent
        verdict = current.judge(str(token).encode(), STRICT, now)
        if current.ended_at is not None:
            assert verdict == "ended"
        elif token != latest:
            assert verdict == "reused"
            current, event = current.ended("refresh_reused", now)
            assert (event.reason, event.version) == ("refresh_reused", current.version)
        elif idle:
            assert verdict == "expired"
            current, _ = current.ended("expired", now)
        else:
            assert verdict == "current"
            latest += 1
            before = current
            current = before.refreshed(str(latest).encode(), HOME, now)
            assert current.version == before.version + 1


@given(
    late=st.integers(0, 20_000).map(lambda milliseconds: timedelta(milliseconds=milliseconds)),
    shown=st.sampled_from([b"0", b"1", b"2", b""]),
    shared=st.booleans(),
)
def test_only_tabs_that_share_a_token_may_be_a_moment_late_with_the_one_before(
    late: timedelta, shown: bytes, shared: bool
) -> None:
    current = session(permanent=False).refreshed(b"1", HOME, START).refreshed(b"2", HOME, START)
    verdict = current.judge(shown, STRICT, START + late, shared=shared)
    if shown == b"2":
        assert verdict == "current"
    else:
        in_time = shared and shown == b"1" and late < LATE
        assert verdict == ("late" if in_time else "reused")
    first = session(permanent=False)
    assert first.judge(b"", STRICT, START, shared=True) == "reused"


@given(
    permanent=st.booleans(),
    allowed=st.booleans(),
    days=st.integers(1, 400),
    refreshed=st.lists(st.integers(1, 10_000), max_size=40),
)
def test_no_session_outlives_its_policy_or_is_forgotten_before_it_ends(
    permanent: bool, allowed: bool, days: int, refreshed: list[int]
) -> None:
    policy = replace(STRICT, permanent_login=allowed, permanent_days=days)
    current, now = session(permanent=permanent), START
    longest = timedelta(days=days) if permanent and allowed else LONGEST_SESSION
    for number, minutes in enumerate(refreshed):
        now += timedelta(minutes=minutes)
        if current.alive(policy, now):
            assert now < START + longest
            current = current.refreshed(str(number).encode(), HOME, now)
        assert current.forget_at is None or current.forget_at > min(now, current.ends_at(policy))
