"""Random lives of two organisations: what was billed is what a patient clerk finds in the log, to the second
and to the cent, and every invoice can be computed again."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.ids import CameraId, LicenceId, OrganisationId
from common.testing import FixedClock, MemoryHouse
from licensing.app import Stores, assemble, month_close
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
    PlanTerms,
    ReplayService,
    StandingService,
)
from licensing.service.payments import Receipt
from stories.licensing.clerk import Zones, cents, charged, months
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
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "connect",
                "connect",
                "remove",
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
            ]
        ),
        st.integers(0, 5),
        st.integers(0, 40 * 24 * 3_600_000),
    ),
    min_size=4,
    max_size=22,
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
        self.book = PlanBook(stores.plans)
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
        self.zones: dict[str, Zones] = {who: [("", "Europe/Prague")] for who in ORGANISATIONS}
        self.held: list[Event] | None = None
        self.cameras = 0
        self.paid = 0

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
        does: dict[str, Callable[[int], Awaitable[None]]] = {
            "connect": self.connect, "remove": self.remove, "transfer": self.transfer, "off": self.turn_off,
            "on": self.turn_on, "pay": self.pay, "zone": self.zone, "hold": self.hold,
            "release": self.release, "close": self.close, "look": self.look, "plan": self.plan,
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

    async def _turn(self, which: int, move: Callable[[OrganisationId, LicenceId], Awaitable[Any]]) -> None:
        living = sorted(
            (row for row in self.rows("licences") if row["living"]), key=lambda row: row["camera"]
        )
        if living:
            row = living[which % len(living)]
            await move(row["organisation"], row["_id"])

    async def pay(self, which: int) -> None:
        self.paid += 1
        amount = (1, 77, 605, 1_210, 4_999, 12)[which]
        who = ORGANISATIONS[which % 2]
        await self.payments.receive(Receipt(who, "test", str(self.paid), amount, "EUR", date(2028, 1, 1)))

    async def zone(self, which: int) -> None:
        """The first time it holds for the running month, later from the next one on."""
        who, zone = ORGANISATIONS[which % 2], ZONES[which]
        details = Details("A", "", "", "", "CZ", TaxStatus.PRIVATE, None, (), "EUR", zone, "en")
        before = (await self.billing.known(who)).version
        await self.billing.enter(who, details)
        if (known := await self.billing.known(who)).version > before:
            running = next(
                name
                for name, (start, end) in months(self.zones[who], FIRST, 60).items()
                if start <= self.now < end
            )
            first = len(self.zones[who]) == 1
            after = sorted(months(self.zones[who], FIRST, 60))
            since = running if first else after[after.index(running) + 1]
            assert known.dated[-1].since == since
            self.zones[who].append((since, zone))

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
        """All news are told, twice and the other way round, and two more months pass."""
        told = list(self.held or [])
        await self.release(1)
        await self.tell(*reversed(told))
        for _ in range(2):
            self.house.clock.advance(timedelta(days=32))
            await self.close(0)
        await self.look(0)

    async def check(self) -> None:
        billed: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in self.rows("invoices"):
            columns = row["lines"]
            for licence, month, seconds, amount in zip(
                columns["licence"], columns["month"], columns["seconds"], columns["amount"], strict=True
            ):
                billed[licence, month][0] += seconds
                billed[licence, month][1] += amount
        assert dict(billed) == self.expected() | {
            key: [0, 0] for key, amounts in billed.items() if amounts == [0, 0]
        }
        for row in self.rows("invoices"):
            replay = await self.replays.replay(row["organisation"], row["_id"])
            assert replay.equal, row["_id"]
        self.check_books()
        self.check_states()

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

    def expected(self) -> dict[tuple[str, str], list[int]]:
        """By the clerk: every licence, every month that is over."""
        found = {}
        for licence in self.rows("licences"):
            log = [row for row in self.rows("timeline") if row["licence"] == licence["_id"]]
            for name, (start, end) in months(self.zones[licence["organisation"]], FIRST, 60).items():
                seconds, weighted = charged(log, start, end)
                if end <= self.now and seconds:
                    found[licence["_id"], name] = [seconds, cents(weighted, start, end)]
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
