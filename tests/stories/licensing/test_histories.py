"""Random lives of two organisations: what was billed is what a patient clerk finds in the log, to the second
and to the cent, and every invoice can be computed again."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.errors import NotFound
from common.ids import CameraId, LicenceId, OrganisationId
from common.testing import FixedClock, MemoryHouse
from licensing.app import assemble, month_close
from licensing.app.stores import Stores
from licensing.domain.billing_information import Details
from licensing.domain.states import TABLE
from licensing.domain.vat import TaxStatus
from licensing.service import (
    BillingService,
    InvoiceService,
    LicenceService,
    OrganisationClocks,
    PaymentService,
    PlanBook,
    PlanService,
    PlanTerms,
    ReplayService,
    StandingService,
)
from licensing.service.payments import Receipt
from stories.licensing.clerk import (
    Agreed,
    Announced,
    announced,
    cents,
    charged,
    in_month,
    months,
    must_be_moved_in_time,
    parts,
    shipped,
    sold,
)
from stories.licensing.house import settings as licensing_settings

ORGANISATIONS = (OrganisationId("org-a"), OrganisationId("org-b"))
START = datetime(2027, 12, 20, 15, 30, 0, 250_000, tzinfo=UTC)
FIRST = (2027, 10)
ZONES = (
    "Europe/Prague",
    "UTC",
    "America/New_York",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "America/Havana",
)
DEVICES = ("mac:1", "mac:2", "mac:3")
NOTICE = 5
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "connect",
                "connect",
                "remove",
                "remove, told late",
                "transfer",
                "off",
                "on",
                "pay",
                "zone",
                "hold",
                "release",
                "close",
                "close",
                "look",
                "plan",
                "publish",
                "publish",
                "add on",
                "add on",
                "currency",
            ]
        ),
        st.integers(0, 5),
        st.integers(0, 40 * 24 * 3_600_000) | st.integers(9, 40).map(lambda days: days * 24 * 3_600_000),
    ),
    min_size=8,
    max_size=26,
)


class Life:
    """Two organisations and three devices, and somebody who holds back their news at times."""

    def __init__(self) -> None:
        self.house = MemoryHouse(clock=FixedClock(START))
        self.given = licensing_settings(trial_days=3)
        self.house.move_in("licensing", lambda parts: assemble(parts, self.given))
        parts = self.house.parts("licensing")
        self.stores = stores = Stores.of(parts.database, self.given)
        clocks = OrganisationClocks(stores.organisations, parts.clock, development=False)
        self.billing = BillingService(
            stores.organisations, stores.billing, stores.accounts, stores.corrections, clocks, "CZ"
        )
        self.book = PlanBook(stores.plans, clocks.real)
        terms = PlanTerms(self.book, self.billing, clocks)
        self.licences = LicenceService(
            stores.licences, stores.accounts, self.billing, terms, clocks, self.given.trial
        )
        self.payments = PaymentService(stores.accounts, stores.organisations, clocks)
        self.standings = StandingService(
            stores.watch, stores.accounts, stores.licences, terms, clocks, batch=2
        )
        self.closing = month_close(parts, self.given, stores, terms, clocks)
        invoices = InvoiceService(stores.invoices, stores.accounts)
        self.replays = ReplayService(invoices, stores.organisations, stores.billing, stores.licences, terms)
        self.where: dict[str, tuple[OrganisationId, CameraId, int]] = {}
        self.zones: dict[str, Agreed] = {who: [("", "Europe/Prague")] for who in ORGANISATIONS}
        self.currencies: dict[str, Agreed] = {who: [("", "EUR")] for who in ORGANISATIONS}
        self.prices = shipped()
        self.versions: list[Announced] = []
        self.held: list[Event] | None = None
        self.late: list[tuple[int, Event]] = []
        """News that come when so many more things have happened."""
        self.cameras = 0
        self.paid = 0
        self.plans = PlanService(
            stores.plans,
            self.book,
            stores.licences,
            stores.organisations,
            stores.billing,
            parts.clock,
            notice_days=NOTICE,
        )

    @property
    def now(self) -> datetime:
        return self.house.clock.now()

    def rows(self, collection: str) -> list[dict[str, Any]]:
        return list(self.house.databases["licensing"].collections.get(collection, {}).values())

    async def tell(self, *events: Event) -> None:
        if self.held is not None:
            self.held += events
            return
        await self.house.bus.tell(*events)

    async def begin(self) -> None:
        for who in ORGANISATIONS:
            await self.tell(
                OrganisationCreated(
                    organisation=who,
                    version=1,
                    at=self.now,
                    name=who,
                    kind="customer",
                    time_zone="Europe/Prague",
                    currency="EUR",
                    language="cs",
                )
            )

    async def step(self, what: str, which: int, after: int) -> None:
        self.house.clock.advance(timedelta(milliseconds=after))
        self.late, waiting = [], self.late
        for left, event in waiting:
            if left:
                self.late.append((left - 1, event))
            else:
                await self.tell(event)
        does: dict[str, Callable[[int], Awaitable[None]]] = {
            "connect": self.connect, "remove": self.remove, "transfer": self.transfer, "off": self.turn_off,
            "on": self.turn_on, "pay": self.pay, "zone": self.zone, "hold": self.hold,
            "release": self.release, "close": self.close, "look": self.look, "plan": self.plan,
            "remove, told late": self.remove_late, "publish": self.publish, "add on": self.add_on, "currency": self.currency,
        }  # fmt: skip
        await does[what](which)

    async def connect(self, which: int) -> None:
        device, who = DEVICES[which % 3], ORGANISATIONS[which % 2]
        if device not in self.where:
            self.cameras += 1
            self.where[device] = (who, CameraId(f"camera-{self.cameras}"), 2)
            await self.tell(self._connected(device))

    async def remove(self, which: int) -> None:
        device = DEVICES[which % 3]
        if device in self.where:
            await self.tell(self._removed(device))
            del self.where[device]

    async def remove_late(self, which: int) -> None:
        device = DEVICES[which % 3]
        if device in self.where:
            self.late.append((which, self._removed(device)))
            del self.where[device]

    async def transfer(self, which: int) -> None:
        """Removed here and connected there, in the same instant."""
        device = DEVICES[which % 3]
        if device in self.where:
            other = ORGANISATIONS[self.where[device][0] == ORGANISATIONS[0]]
            gone = self._removed(device)
            self.cameras += 1
            self.where[device] = (other, CameraId(f"camera-{self.cameras}"), 2)
            await self.tell(gone, self._connected(device))

    def _connected(self, device: str) -> CameraConnected:
        who, camera, version = self.where[device]
        return CameraConnected(
            organisation=who, version=version, at=self.now, camera=camera, device=device, name="", first=True
        )

    def _removed(self, device: str) -> CameraRemoved:
        who, camera, version = self.where[device]
        return CameraRemoved(
            organisation=who, version=version + 1, at=self.now, camera=camera, device=device, name=""
        )

    async def turn_off(self, which: int) -> None:
        await self._turn(which, self.licences.turn_off)

    async def turn_on(self, which: int) -> None:
        await self._turn(which, self.licences.turn_on)

    async def plan(self, which: int) -> None:
        name = ("basic", "standard", "premium")[which % 3]
        await self._turn(which, lambda who, licence: self.licences.change_plan(who, licence, name))

    async def publish(self, which: int) -> None:
        """A dearer or a cheaper version, from now or from some day on."""
        plan = await self.plans.get(("standard", "basic")[which % 2])
        number = plan.latest.version + 1
        eur, add_on = (333, 20, 777, 199, 501, 0)[which] + number, 50 + number
        later = self.now + timedelta(days=9 * which) if which % 3 else None
        prices = {**plan.latest.prices, "EUR": eur, "CZK": 25 * eur}
        add_ons = tuple(
            replace(one, prices={**one.prices, "EUR": add_on, "CZK": 24 * add_on})
            for one in plan.latest.add_ons
        )
        content = replace(plan.latest, prices=prices, add_ons=add_ons)
        valid_from = max(later, plan.latest.valid_from) if later else None
        made = await self.plans.publish(plan.name, plan.version, content, valid_from, ORGANISATIONS[0])
        keys = [one.key for one in add_ons]
        self.prices[plan.name, number] = sold(eur, 25 * eur, *((key, add_on, 24 * add_on) for key in keys))
        since = max(valid_from or self.now, plan.latest.valid_from)
        self.versions.append(announced(plan.name, number, since, self.now, NOTICE))
        assert made.latest.valid_from == since

    async def add_on(self, which: int) -> None:
        """Taken or left; a plan that does not have it says so."""
        key = ("retention_30", "accesses_5")[which % 2]
        does = self.licences.leave_add_on if which > 3 else self.licences.take_add_on
        with suppress(NotFound):
            await self._turn(which, lambda who, licence: does(who, licence, key))

    async def currency(self, which: int) -> None:
        who = ORGANISATIONS[which % 2]
        before = (await self.billing.known(who)).version
        zone = self.zones[who][-1][1]
        await self.enter(who, zone, ("EUR", "CZK")[which // 2 % 2], before)

    async def _turn(self, which: int, move: Callable[[OrganisationId, LicenceId], Awaitable[Any]]) -> None:
        living = sorted(
            (row for row in self.rows("licences") if row["living"]), key=lambda row: row["camera"]
        )
        if living:
            row = living[which % len(living)]
            await move(row["organisation"], row["_id"])

    async def pay(self, which: int) -> None:
        self.paid += 1
        amount = (1, 77, 605, 1_210, 49_999, 12)[which]
        who = ORGANISATIONS[which % 2]
        currency = self.currencies[who][-1][1]
        await self.payments.receive(Receipt(who, "test", str(self.paid), amount, currency, date(2028, 1, 1)))

    async def zone(self, which: int) -> None:
        """The first time it holds for the running month, later from the next one on."""
        who, zone = ORGANISATIONS[which % 2], ZONES[which]
        before = (await self.billing.known(who)).version
        await self.enter(who, zone, self.currencies[who][-1][1], before)

    async def enter(self, who: OrganisationId, zone: str, currency: str, before: int) -> None:
        details = Details("A", "", "", "", "CZ", TaxStatus.PRIVATE, None, (), currency, zone, "en")
        await self.billing.enter(who, details)
        if (known := await self.billing.known(who)).version > before:
            calendar = months(self.zones[who], FIRST, 60)
            running = next(name for name, (start, end) in calendar.items() if start <= self.now < end)
            first = len(self.zones[who]) == 1
            after = sorted(calendar)
            since = running if first else after[after.index(running) + 1]
            assert known.dated[-1].since == since
            self.zones[who].append((since, zone))
            self.currencies[who].append((since, currency))

    async def hold(self, _: int) -> None:
        self.held = self.held if self.held is not None else []

    async def release(self, which: int) -> None:
        held, self.held = self.held or [], None
        await self.tell(*(held if which % 2 else reversed(held)))

    async def close(self, _: int) -> None:
        await self.closing.close_due()

    async def look(self, _: int) -> None:
        """Debts are looked at until nothing is due."""
        while (due := await self.standings.next_due()) is not None and due <= self.now:
            await self.standings.look()

    async def end(self) -> None:
        """A month is billed, all news are told, twice and the other way round, and two more months pass."""
        self.house.clock.advance(timedelta(days=32))
        await self.close(0)
        await self.tell(*(event for _, event in self.late))
        told = list(self.held or [])
        await self.release(1)
        await self.tell(*reversed(told))
        for _ in range(2):
            self.house.clock.advance(timedelta(days=32))
            await self.close(0)
        await self.look(0)

    async def check(self) -> None:
        """Each line is what the clerk finds for it; all lines of a licence and month together are its fee."""
        billed: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in self.rows("invoices"):
            lines = self.lines(row)
            assert lines == self.found_by_the_clerk(row), row["_id"]
            for key, (seconds, _) in lines.items():
                billed[key] += seconds
        assert {key: seconds for key, seconds in billed.items() if seconds} == self.expected()
        for row in self.rows("invoices"):
            replay = await self.replays.replay(row["organisation"], row["_id"])
            assert replay.equal, row["_id"]
        self.check_books()
        self.check_states()

    def lines(self, invoice: dict[str, Any]) -> dict[tuple[str, str, str], tuple[int, int]]:
        columns = invoice["lines"]
        add_ons = columns.get("add_on", [""] * len(columns["number"]))
        keys = zip(columns["licence"], columns["month"], add_ons, strict=True)
        return dict(zip(keys, zip(columns["seconds"], columns["amount"], strict=True), strict=True))

    def found_by_the_clerk(self, invoice: dict[str, Any]) -> dict[tuple[str, str, str], tuple[int, int]]:
        """What the log says now of each month, less what it said when that month was billed, in the currency
        of the bill."""
        who, currency = (
            invoice["organisation"],
            in_month(self.currencies[invoice["organisation"]], invoice["month"]),
        )
        assert currency == invoice["currency"]
        closing = self.noted(who, invoice["month"])
        before = self.noted(who, closing["previous"])
        found = {}
        for licence, known in zip(closing["licences"], closing["read"], strict=True):
            told = dict(zip(before["licences"], before["read"], strict=True)).get(licence, 0)
            log = [row for row in self.rows("timeline") if row["licence"] == licence]
            for name, (start, end) in months(self.zones[who], FIRST, 60).items():
                for part in parts(log) if name <= invoice["month"] else ():
                    then = [row for row in log if row["number"] <= told and name < invoice["month"]]
                    now = [row for row in log if row["number"] <= known]
                    (s1, w1), (s2, w2) = (
                        charged(rows, start, end, self.prices, currency, part) for rows in (then, now)
                    )
                    line = (s2 - s1, cents(w2, start, end) - cents(w1, start, end))
                    if line != (0, 0):
                        found[licence, name, part] = line
        return found

    def noted(self, who: str, month: str | None) -> dict[str, Any]:
        nothing: dict[str, Any] = {"licences": [], "read": [], "previous": None}
        rows = (row for row in self.rows("closings") if (row["organisation"], row["month"]) == (who, month))
        return next(rows, nothing)

    def check_states(self) -> None:
        """Every step is a line of the table, and nobody is where the debts do not command."""
        legal = {(rule.cause.value, rule.source and rule.source.value, rule.target.value) for rule in TABLE}
        for licence in self.rows("licences"):
            log = sorted(
                (row for row in self.rows("timeline") if row["licence"] == licence["_id"]),
                key=lambda row: int(row["number"]),
            )
            assert [row["number"] for row in log] == list(range(1, len(log) + 1))
            for before, after in pairwise([None, *log]):
                assert after is not None
                assert (after["cause"], before and before["state"], after["state"]) in legal
            account = self.house.databases["licensing"].collections["accounts"][licence["organisation"]]
            turns = account["watch"]["turns"]
            standing = turns[-1]["standing"] if turns else "clear"
            where = {"clear": "active", "overdue": "suspended", "arrears": "inactive"}[standing]
            assert licence["state"] in ("demo", "off", "ended", where)
            assert account["open"] or where == "active", "nobody is blocked who owes nothing"

    def expected(self) -> dict[tuple[str, str, str], int]:
        """Charged seconds by the clerk: every licence, every month that is over."""
        found = {}
        for licence in self.rows("licences"):
            log = [row for row in self.rows("timeline") if row["licence"] == licence["_id"]]
            calendar = months(self.zones[licence["organisation"]], FIRST, 120)
            must_be_moved_in_time(log, calendar, self.versions, self.now)
            for name, (start, end) in list(calendar.items())[:60]:
                for part in parts(log):
                    seconds, _ = charged(log, start, end, self.prices, "EUR", part)
                    if end <= self.now and seconds:
                        found[licence["_id"], name, part] = seconds
        return found

    def check_books(self) -> None:
        numbers = sorted(row["number"] for row in self.rows("invoices"))
        for year in {number[:4] for number in numbers}:
            own = [number for number in numbers if number.startswith(year)]
            assert own == [f"{year}{number:06}" for number in range(1, len(own) + 1)]
        books: dict[tuple[str, str], int] = defaultdict(int)
        for booking in self.rows("ledger"):
            assert sum(one["amount"] for one in booking["postings"]) == 0
            for one in booking["postings"]:
                books[booking["organisation"], one["book"]] += one["amount"]
        for account in self.rows("accounts"):
            owner = account["_id"]
            assert books[owner, "receivables"] == sum(one["amount"] for one in account["open"])
            assert -books[owner, "credits"] == sum(account["credits"].values())


async def _lived(steps: list[tuple[str, int, int]]) -> None:
    life = Life()
    await life.begin()
    for what, which, after in steps:
        await life.step(what, which, after)
    await life.end()
    await life.check()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_what_was_billed_is_what_a_patient_clerk_finds_in_the_log(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(_lived(steps))
