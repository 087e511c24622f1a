"""An organisation's clock: the real one, or in development ahead of it by what staff has set (rule 29)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.licensing import TestClockMoved
from common.errors import Conflict
from common.ids import OrganisationId


@dataclass(frozen=True, slots=True)
class Move:
    """From the real instant `at` on, the clock is ahead by `ahead`."""

    at: datetime
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class TestClock:
    """Remembers its moves, so that a fact heard late gets the hour the clock showed when it happened."""

    __test__ = False  # its name looks like a test case to pytest

    organisation: OrganisationId
    moves: tuple[Move, ...] = ()
    version: int = 0

    @property
    def ahead(self) -> timedelta:
        return self.moves[-1].ahead if self.moves else timedelta()

    def shows(self, real: datetime) -> datetime:
        """The organisation's time at a real instant."""
        for move in reversed(self.moves):
            if move.at <= real:
                return real + move.ahead
        return real

    def reaches(self, moment: datetime) -> datetime:
        """The real instant at which the clock, unless it is moved again, shows `moment`; past: it has."""
        return moment - self.ahead

    def moved(self, ahead: timedelta, now: datetime) -> "tuple[TestClock, TestClockMoved | None]":
        """Set it further ahead at the real instant `now`; where it stands already, nothing happens.

        Raises `Conflict` (`clock_moves_forward_only`): what has happened cannot be made not to have.
        """
        if ahead < self.ahead:
            raise Conflict(
                "clock_moves_forward_only",
                f"This clock is ahead by {int(self.ahead.total_seconds())} s and is never set back",
            )
        if ahead == self.ahead:
            return self, None
        moved = replace(self, moves=(*self.moves, Move(now, ahead)), version=self.version + 1)
        event = TestClockMoved(
            organisation=self.organisation,
            version=moved.version,
            at=moved.shows(now),
            ahead_seconds=int(ahead.total_seconds()),
        )
        return moved, event
