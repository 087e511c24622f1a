"""How an organisation stands with us: clear, overdue or in arrears (LI-8, LI-9, rule 19).

A pure function of what is owed and the clock; no timer has a say. It changes at instants that the open
invoices tell long before (`Debts.coming`), and when money moves (`Debts.judged`). What it was is kept, so
whoever looks late, or again, or at a licence that was forgotten, still finds the same instants.

- Overdue: something is unpaid after its last day to pay. Clear again as soon as nothing is: what need not be
  paid yet blocks nobody.
- Arrears: it is still unpaid when the month in which it had to be paid is over. Clear again when nothing at
  all is owed, as LI-9 has it; there is no way back to merely overdue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from licensing.domain.months import Calendar
from licensing.domain.states import Cause, Circumstance, State

KEPT = 64
"""Changes that are remembered. A licence is never that many behind."""
FOLLOWS: dict[Circumstance, tuple[State, Cause]] = {
    Circumstance.CLEAR: (State.ACTIVE, Cause.DEBTS_PAID),
    Circumstance.OVERDUE: (State.SUSPENDED, Cause.PAYMENT_OVERDUE),
    Circumstance.ARREARS: (State.INACTIVE, Cause.PREVIOUS_PERIOD_UNPAID),
}
"""Standing -> where a licence without a trial belongs that is not switched off, and what moves it there."""
COMMANDED = frozenset(state for state, _ in FOLLOWS.values())
"""The states that debts decide; nobody is blocked in Demo, and Off stays off."""


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """Thresholds. They hold for invoices issued from now on; an issued one keeps its own."""

    days: int = 14
    """To pay, from the day of issue."""
    overdue_days: int = 0
    """Of patience after the last day to pay."""
    arrears_days: int = 0
    """Of patience after the end of the month in which the last day to pay was."""

    def overdue_at(self, due_at: datetime) -> datetime:
        return due_at + timedelta(days=self.overdue_days)

    def arrears_at(self, due_at: datetime, calendar: Calendar) -> datetime:
        """Bills come on the first of a month for the one before; so this is the end of the next period.
        One that comes late gives as much time as any other: arrears count from its own last day to pay."""
        end = calendar.month_at(due_at - timedelta(microseconds=1)).end
        return max(end + timedelta(days=self.arrears_days), self.overdue_at(due_at))


class Owed(Protocol):
    """An invoice that is not paid in full."""

    @property
    def overdue_at(self) -> datetime: ...

    @property
    def arrears_at(self) -> datetime: ...


def standing(before: Circumstance, owed: Sequence[Owed], at: datetime) -> Circumstance:
    if any(one.arrears_at <= at for one in owed) or (before is Circumstance.ARREARS and owed):
        return Circumstance.ARREARS
    if any(one.overdue_at <= at for one in owed):
        return Circumstance.OVERDUE
    return Circumstance.CLEAR


@dataclass(frozen=True, slots=True)
class Turn:
    """From `since` on the organisation stands otherwise than before."""

    since: datetime
    standing: Circumstance
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Debts:
    """How an organisation stood and stands; before its first turn it was clear."""

    turns: tuple[Turn, ...] = ()

    @property
    def standing(self) -> Circumstance:
        return self.turns[-1].standing if self.turns else Circumstance.CLEAR

    def at(self, moment: datetime) -> Circumstance:
        found = (turn.standing for turn in reversed(self.turns) if turn.since <= moment)
        return next(found, Circumstance.CLEAR)

    def periods(self, since: datetime) -> Iterator[tuple[datetime, Circumstance]]:
        """What held at `since`, and whatever came later with its instant."""
        yield since, self.at(since)
        for turn in self.turns:
            if turn.since > since:
                yield turn.since, turn.standing

    def coming(self, owed: Sequence[Owed]) -> Turn | None:
        """What happens next if nothing is paid."""
        for at in sorted({at for one in owed for at in (one.overdue_at, one.arrears_at)}):
            found = standing(self.standing, owed, at)
            if found is not self.standing:
                since = self._not_before_the_last(at)
                return Turn(since, found, since)
        return None

    def come(self, owed: Sequence[Owed], now: datetime) -> "Debts":
        """With every turn that time has brought by now."""
        debts = self
        while (turn := debts.coming(owed)) is not None and turn.since <= now:
            debts = debts._with(replace(turn, recorded_at=now))
        return debts

    def judged(self, owed: Sequence[Owed], now: datetime) -> "Debts":
        """What is owed has just changed."""
        found = standing(self.standing, owed, now)
        if found is self.standing:
            return self
        return self._with(Turn(self._not_before_the_last(now), found, now))

    def _not_before_the_last(self, at: datetime) -> datetime:
        """Replicas' clocks differ by milliseconds."""
        return max(at, self.turns[-1].since) if self.turns else at

    def _with(self, turn: Turn) -> "Debts":
        return Debts((*self.turns, turn)[-KEPT:])


NO_DEBTS = Debts()
