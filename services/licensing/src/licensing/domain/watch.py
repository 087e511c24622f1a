"""What is done about an organisation's debts, and when: licences follow, people are warned, others told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from licensing.domain.notices import next_notice, notice_due
from licensing.domain.standing import NO_DEBTS, Debts, Owed, Turn
from licensing.domain.states import Circumstance

LOOKS = 2
"""How often licences are looked through after a turn: at once, and once more when whatever was being written
on the ground of an older account must have ended. Between the two a licence may be astray in the database,
never in an answer."""
SETTLING = timedelta(seconds=10)
"""Until that second look."""


@dataclass(frozen=True, slots=True)
class Watch:
    debts: Debts = NO_DEBTS
    said: Circumstance = Circumstance.CLEAR
    """The standing that the others were told last."""
    looks: int = 0
    """How often the licences have still to be looked through."""
    warned: datetime | None = None
    """Up to when people were warned of what comes."""

    def look_at(self, owed: Sequence[Owed]) -> datetime | None:
        """When something has to be done next; None: not before something is owed."""
        found: list[datetime | None] = []
        if self.looks:
            turned = self.debts.turns[-1].recorded_at
            found.append(turned if self.looks == LOOKS else turned + SETTLING)
        if (turn := self.debts.coming(owed)) is not None:
            found += [turn.since, next_notice(turn.since, self.warned)]
        return min((at for at in found if at is not None), default=None)

    def come(self, owed: Sequence[Owed], now: datetime) -> "Watch":
        """What time has brought is written down."""
        return self._with(self.debts.come(owed, now))

    def judged(self, owed: Sequence[Owed], now: datetime) -> "Watch":
        """What is owed has just changed."""
        return self._with(self.debts.judged(owed, now))

    def looked_through(self) -> "Watch":
        """All licences follow, as far as could be seen."""
        return replace(self, looks=max(self.looks - 1, 0), said=self.debts.standing)

    def notice_due(self, owed: Sequence[Owed], now: datetime) -> tuple[int, Turn] | None:
        """How many days before which turn people are to be warned of it now."""
        turn = self.debts.coming(owed)
        days = notice_due(turn.since, self.warned, now) if turn is not None else None
        return (days, turn) if turn is not None and days is not None else None

    def was_warned(self, now: datetime) -> "Watch":
        return replace(self, warned=now)

    def _with(self, debts: Debts) -> "Watch":
        return self if debts == self.debts else replace(self, debts=debts, looks=LOOKS)
