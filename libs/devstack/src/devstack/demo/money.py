"""The trial ends, and what the first days cost."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from devstack.demo.caller import Json
from devstack.demo.news import News
from devstack.demo.people import Account, Person, sign_in
from devstack.demo.stage import NotAsTold, Stage, check

MONTHLY_PRICE = 500
"""Cents for a camera and calendar month: plan standard, version 1, in EUR."""
ZONE = ZoneInfo("Europe/Prague")
"""Of the organisation: as its sign-up form says."""
FIRST_DAYS = timedelta(days=3, hours=4, minutes=5, seconds=6)


@dataclass(slots=True)
class Clock:
    """The test clock of an organisation, in the hands of staff."""

    staff: Person
    path: str
    ahead: timedelta

    async def move(self, by: timedelta) -> datetime:
        """Forward; what it shows now."""
        self.ahead += by
        body = {"ahead_seconds": int(self.ahead.total_seconds())}
        shown = await self.staff.caller.ask("PUT", self.path, body)
        return datetime.fromisoformat(shown["now"])


async def staff_comes(stage: Stage, organisation: str) -> Clock:
    """A staff admin signs in like anybody, second factor included, and takes the organisation's clock."""
    staff = await sign_in(stage, Account(stage.staff.email, stage.staff.password))
    path = f"/api/v1/test-clocks/{organisation}"
    shown = await staff.caller.ask("GET", path)
    return Clock(staff, path, timedelta(seconds=shown["ahead_seconds"]))


async def trial_ends(stage: Stage, owner: Person, news: News, clock: Clock, demo: Json) -> None:
    """The licence turns Active by itself; the fee of the first days is right to the second."""
    ends = datetime.fromisoformat(demo["trial_ends"])
    forward = timedelta(seconds=int((ends - datetime.now(UTC)).total_seconds()) + 2)
    now = await clock.move(forward)
    stage.tell("staff moves the test clock past the trial", f"it shows {now:%d %b %Y %H:%M:%S} UTC")
    active = await news.wait("licensing.licence_changed.v1", licence=demo["licence"], state="active")
    check("since when the licence is active", datetime.fromisoformat(active["since"]), ends)
    stage.tell("does nothing else", f"licence {active['previous']} → {active['state']} ({active['cause']})")
    now = await clock.move(FIRST_DAYS)
    fees = await owner.caller.ask("GET", "/api/v1/fees")
    seconds = check_fees(fees, active_since=ends)
    total, month = fees["total"], _month_of(datetime.fromisoformat(fees["as_of"]))
    stage.tell(
        f"the first {FIRST_DAYS.days} days go by",
        f"{fees['currency']} {total['amount'] / 100:.2f} for {seconds:,} s up to {now:%d %b %H:%M:%S} UTC",
    )
    stage.tell(
        "checks the bill",
        f"{MONTHLY_PRICE} ct x {seconds:,} / {_seconds(*month):,} s = {total['micros'] / 1e6:.6f} ct",
    )


def check_fees(fees: Json, active_since: datetime) -> int:
    """Work the month's fee out anew, from price and calendar alone; the charged seconds.

    Errors: NotAsTold.
    """
    as_of = datetime.fromisoformat(fees["as_of"])
    start, end = _month_of(as_of)
    seconds = _seconds(max(active_since, start), as_of)
    exact = Fraction(MONTHLY_PRICE * seconds, _seconds(start, end))
    [line] = fees["licences"]
    check("currency", fees["currency"], "EUR")
    check("charged seconds", line["seconds"], seconds)
    check("exact fee in cents", Fraction(line["exact"]), exact)
    check("fee in whole cents", fees["total"]["amount"], int(exact + Fraction(1, 2)))
    if seconds <= 0:
        raise NotAsTold("charged seconds", "more than none", seconds)
    return seconds


def _month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The calendar month on the organisation's wall, as instants."""
    wall = moment.astimezone(ZONE)
    start = datetime(wall.year, wall.month, 1, tzinfo=ZONE)
    end = datetime(wall.year + wall.month // 12, wall.month % 12 + 1, 1, tzinfo=ZONE)
    return start.astimezone(UTC), end.astimezone(UTC)


def _seconds(start: datetime, end: datetime) -> int:
    """Whole seconds: a second belongs to what was true at its end."""
    return int(end.timestamp() // 1) - int(start.timestamp() // 1)
