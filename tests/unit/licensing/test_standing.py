"""How an organisation stands: facts and the clock alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.months import Calendar
from licensing.domain.notices import next_notice, notice_due
from licensing.domain.standing import NO_DEBTS, Debts, PaymentTerms
from licensing.domain.states import Circumstance, State
from unit.licensing.lives import START, begun

DAY = timedelta(days=1)
CLEAR, OVERDUE, ARREARS = Circumstance.CLEAR, Circumstance.OVERDUE, Circumstance.ARREARS


@dataclass(frozen=True)
class Bill:
    overdue_at: datetime
    arrears_at: datetime


def bill(overdue: int, arrears: int) -> Bill:
    return Bill(START + overdue * DAY, START + arrears * DAY)


def told(debts: Debts) -> list[tuple[int, Circumstance]]:
    return [((turn.since - START).days, turn.standing) for turn in debts.turns]


def test_a_bill_that_stays_unpaid_is_overdue_and_then_arrears() -> None:
    owed = [bill(14, 30)]
    assert NO_DEBTS.come(owed, START + 14 * DAY - timedelta(microseconds=1)) == NO_DEBTS
    assert told(NO_DEBTS.come(owed, START + 14 * DAY)) == [(14, OVERDUE)]
    assert told(NO_DEBTS.come(owed, START + 99 * DAY)) == [(14, OVERDUE), (30, ARREARS)]


def test_what_need_not_be_paid_yet_blocks_nobody() -> None:
    overdue = NO_DEBTS.come([bill(14, 30), bill(44, 60)], START + 20 * DAY)
    assert told(overdue.judged([bill(44, 60)], START + 20 * DAY)) == [(14, OVERDUE), (20, CLEAR)]


def test_out_of_arrears_leads_only_the_payment_of_everything() -> None:
    arrears = NO_DEBTS.come([bill(14, 30), bill(44, 60)], START + 31 * DAY)
    assert arrears.judged([bill(44, 60)], START + 32 * DAY).standing is ARREARS
    assert told(arrears.judged([], START + 33 * DAY))[-1] == (33, CLEAR)


def test_arrears_begin_when_the_month_is_over_in_which_was_to_be_paid() -> None:
    terms, calendar = PaymentTerms(), Calendar.of("Europe/Prague")
    due = datetime(2026, 4, 15, 22, tzinfo=UTC)
    assert terms.arrears_at(due, calendar) == datetime(2026, 4, 30, 22, tzinfo=UTC)
    last_day = datetime(2026, 4, 30, 22, tzinfo=UTC)  # to pay until the last instant of April
    assert terms.arrears_at(last_day, calendar) == last_day
    patient = PaymentTerms(14, overdue_days=20, arrears_days=2)
    assert patient.overdue_at(due) == due + 20 * DAY
    assert patient.arrears_at(due, calendar) == due + 20 * DAY, "never before it is overdue"


MOVES = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12)


@given(MOVES, st.integers(1, 6))
def test_it_does_not_matter_how_often_or_late_somebody_looks(
    moves: list[tuple[int, bool, int]], looks: int
) -> None:
    """Bills come and are paid; one looks at every day, the other only when something moves."""
    seldom = often = NO_DEBTS
    owed: list[Bill] = []
    now = START
    for wait, comes, which in moves:
        for _ in range(wait):
            now += DAY
            for _ in range(looks):
                often = often.come(owed, now)
        seldom, often = seldom.come(owed, now), often.come(owed, now)
        days = (now - START).days
        if comes:
            owed = [*owed, bill(days + 14, days + 30)]
        elif owed:
            owed = [one for number, one in enumerate(owed) if number != which % len(owed)]
        seldom, often = seldom.judged(owed, now), often.judged(owed, now)
        assert told(seldom) == told(often)
        assert (seldom.standing is not CLEAR) or all(one.overdue_at > now for one in owed)
        assert owed or seldom.standing is CLEAR, "nobody is blocked who owes nothing"


def test_a_licence_goes_through_everything_that_was_missed() -> None:
    debts = NO_DEBTS.come([bill(14, 30)], START + 40 * DAY).judged([], START + 40 * DAY)
    licence = begun(trial=None).licence
    changes = licence.caught_up(START + 50 * DAY, debts)
    assert [(one.licence.state, (one.licence.since - START).days) for one in changes] == [
        (State.SUSPENDED, 14),
        (State.INACTIVE, 30),
        (State.ACTIVE, 40),
    ]
    assert changes[-1].licence.caught_up(START + 60 * DAY, debts) == []


def test_a_trial_that_ends_amid_debts_leads_where_they_command() -> None:
    debts = NO_DEBTS.come([bill(14, 60)], START + 40 * DAY)
    (ended,) = begun().licence.caught_up(START + 40 * DAY, debts)
    assert (ended.licence.state, ended.licence.since) == (State.SUSPENDED, START + 30 * DAY)


def test_off_is_no_way_out_of_debts() -> None:
    debts = NO_DEBTS.come([bill(14, 30)], START + 40 * DAY)
    off = begun(trial=None).licence.turned_off(START + DAY, NO_DEBTS)[-1].licence
    assert off.caught_up(START + 40 * DAY, debts) == []
    (on,) = off.turned_on(START + 40 * DAY, debts)
    assert on.licence.state is State.INACTIVE


def test_people_are_warned_seven_days_three_days_and_one_day_before() -> None:
    end = START + 14 * DAY
    told_at, days = None, []
    while (at := next_notice(end, told_at)) is not None:
        days.append(notice_due(end, told_at, at))
        told_at = at
    assert days == [7, 3, 1]
    assert notice_due(end, None, START) is None
    assert notice_due(end, None, end - 2 * DAY) == 3, "who looks late warns once"
    assert notice_due(end, end - 2 * DAY, end - 2 * DAY) is None
    assert notice_due(end, None, end) is None
