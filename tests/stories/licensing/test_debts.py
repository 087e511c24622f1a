"""What follows from bills that are not paid, and from their payment (LI-8, LI-9)."""

import asyncio
from datetime import timedelta
from typing import Any

from common.auth import Role
from common.contracts.licensing import LicenceChanged, NoticeDue, StandingChanged
from stories.licensing.house import DAY, ORGANISATION, Story, story


async def pass_time(it: Story, until: timedelta, *, by: timedelta = DAY) -> None:
    """Day after day, the background does what it would do."""
    while it.ahead < until:
        it.ahead = min(it.ahead + by, until)
        await it.turn_clock(it.ahead)
        await it.work()


async def pay(it: Story, amount: int, reference: str, *, now: bool = True) -> None:
    body = {"organisation": ORGANISATION, "amount": amount, "currency": "EUR", "reference": reference}
    await it.ask("POST", "/payments", body | {"received_on": "2026-05-05"}, role=Role.STAFF_ADMIN, status=201)
    if now:
        await it.work()


async def owed(it: Story) -> int:
    return int((await it.ask("GET", "/billing-account"))["outstanding"].get("EUR", 0))


def moves(it: Story) -> list[tuple[str, str, str]]:
    return [(one.state, one.cause, f"{one.since:%m-%d}") for one in it.changes()]


def warnings(it: Story) -> list[tuple[str, int, str]]:
    return [(one.kind, one.days, f"{one.at:%m-%d}") for one in it.bus.said(NoticeDue)]


def standings(it: Story) -> list[tuple[str, str]]:
    return [(one.previous, one.standing) for one in it.bus.said(StandingChanged)]


async def test_who_never_pays_is_suspended_and_then_inactive() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 100 * DAY)
        # March is billed on 1 April, payable to the 15th; still unpaid when April is over.
        assert moves(it) == [
            ("demo", "registered", "03-01"),
            ("active", "trial_ended", "03-31"),
            ("suspended", "payment_overdue", "04-16"),
            ("inactive", "previous_period_unpaid", "05-01"),
        ]
        assert standings(it) == [("clear", "overdue"), ("overdue", "arrears")]
        invoices = (await it.ask("GET", "/invoices"))["items"]
        assert [one["month"] for one in invoices] == ["2026-04", "2026-03"], "no fees while inactive"
        assert invoices[0]["net"] == 500, "suspended is charged"


async def test_paying_everything_makes_cameras_active_at_once() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 70 * DAY)
        assert (await it.licence())["state"] == "inactive"
        whole = await owed(it)
        await pay(it, whole - 1, "part")
        assert (await it.licence())["state"] == "inactive", "all that is owed, to the cent"
        await pay(it, 1, "rest", now=False)
        assert (await it.licence())["state"] == "active", "before anybody wrote it down"
        await it.work()
        assert moves(it)[-1][:2] == ("active", "debts_paid")
        (told,) = it.bus.said(StandingChanged)[2:]
        assert (told.previous, told.standing, told.amount, told.invoices) == ("arrears", "clear", 0, [])


async def test_out_of_suspension_leads_the_payment_of_what_is_overdue() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 48 * DAY)
        assert (await it.licence())["state"] == "suspended"
        await pay(it, await owed(it), "bank-1")
        assert (await it.licence())["state"] == "active"
        assert standings(it) == [("clear", "overdue"), ("overdue", "clear")]


async def test_credit_pays_the_bill_before_it_can_be_overdue() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pay(it, 100_000, "a year ahead")
        await pass_time(it, 300 * DAY, by=5 * DAY)
        assert [one.state for one in it.changes()] == ["demo", "active"]
        assert standings(it) == []
        assert {kind for kind, _, _ in warnings(it)} == {"trial_ends"}


async def test_debts_meet_cameras_that_are_switched_on_come_or_end_their_trial() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        first = (await it.licence())["id"]
        await pass_time(it, 40 * DAY)
        await it.ask("POST", f"/licences/{first}/off")
        await it.hear(it.connected(camera="camera-b", device="mac:0040ff999999"))
        await pass_time(it, 50 * DAY)
        on = await it.ask("POST", f"/licences/{first}/on")
        assert (on["state"], on["cause"]) == ("suspended", "turned_on")
        await it.ask("POST", f"/licences/{first}/off")
        await pass_time(it, 62 * DAY)
        on = await it.ask("POST", f"/licences/{first}/on")
        assert on["state"] == "inactive", "nobody escapes a debt by Off"
        await it.hear(it.removed(camera="camera-b"))
        # The same device again: it had its trial, and there are debts.
        await it.hear(it.connected(camera="camera-c", device="mac:0040ff999999"))
        latest = (await it.ask("GET", "/licences"))["items"][-1]
        assert (latest["state"], latest["cause"]) == ("inactive", "registered")


async def test_a_trial_is_never_cut_short_by_debts() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 40 * DAY)
        await it.hear(it.connected(camera="camera-b", device="mac:0040ff999999"))
        await pass_time(it, 69 * DAY)
        states = {one["camera"]: one["state"] for one in (await it.ask("GET", "/licences"))["items"]}
        assert states == {"camera-a": "inactive", "camera-b": "demo"}
        await pass_time(it, 71 * DAY)
        states = {one["camera"]: one["state"] for one in (await it.ask("GET", "/licences"))["items"]}
        assert states == {"camera-a": "inactive", "camera-b": "inactive"}


async def test_people_are_warned_before_and_only_while_there_is_a_cause() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 65 * DAY)
        assert warnings(it) == [
            ("trial_ends", 7, "03-24"),
            ("trial_ends", 3, "03-28"),
            ("trial_ends", 1, "03-30"),
            ("suspension", 7, "04-09"),
            ("suspension", 3, "04-13"),
            ("suspension", 1, "04-15"),
            ("inactivation", 7, "04-24"),
            ("inactivation", 3, "04-28"),
            ("inactivation", 1, "04-30"),
        ]
        trial, *_ = it.bus.said(NoticeDue)
        assert (trial.amount, trial.currency, trial.cameras) == (500, "EUR", 1)
        suspension = it.bus.said(NoticeDue)[3]
        assert (f"{suspension.effective_at:%Y-%m-%d}", suspension.invoices) == ("2026-04-16", ["2026000001"])


async def test_who_pays_or_switches_off_is_not_warned_any_more() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.hear(it.connected(camera="camera-b", device="mac:0040ff999999"))
        await pass_time(it, 28 * DAY)
        licences = (await it.ask("GET", "/licences"))["items"]
        assert [(one.days, one.cameras) for one in it.bus.said(NoticeDue)] == [(7, 2), (3, 2)], "one for both"
        await it.ask("POST", f"/licences/{licences[1]['id']}/off")
        await pass_time(it, 40 * DAY)
        assert [(one.days, one.cameras) for one in it.bus.said(NoticeDue)][2:] == [(1, 1), (7, 1)]
        await pay(it, await owed(it), "bank-1")
        await pass_time(it, 60 * DAY)
        assert {one.kind for one in it.bus.said(NoticeDue)[3:]} == {"suspension"}
        assert len([one for one in warnings(it) if one[0] == "suspension" and one[2] < "05-01"]) == 1


async def test_many_licences_follow_in_several_rounds_and_by_several_replicas_once() -> None:
    async with story() as it:
        await it.hear(it.created())
        await it.hear(*(it.connected(camera=f"camera-{n}", device=f"mac:0040ff{n:06x}") for n in range(25)))
        await pass_time(it, 32 * DAY, by=16 * DAY)
        await it.turn_clock(47 * DAY)
        async with asyncio.timeout(20):
            await asyncio.gather(*(it.standings().look() for _ in range(3)))
            await it.work()
        suspended = [one for one in it.bus.said(LicenceChanged) if one.cause == "payment_overdue"]
        assert len(suspended) == len({one.licence for one in suspended}) == 25
        assert standings(it) == [("clear", "overdue")]


async def test_a_payment_that_races_with_the_due_date_leaves_nobody_blocked() -> None:
    async with story() as it:
        await it.hear(it.created())
        await it.hear(*(it.connected(camera=f"camera-{n}", device=f"mac:0040ff{n:06x}") for n in range(20)))
        await pass_time(it, 44 * DAY)
        whole = await owed(it)
        await it.turn_clock(46 * DAY)
        await asyncio.gather(
            it.standings().look(),
            pay(it, whole, "bank-1", now=False),
            it.standings().look(),
            it.standings().look(),
        )
        it.ahead = 46 * DAY
        await pass_time(it, 47 * DAY)
        licences = (await it.ask("GET", "/licences"))["items"]
        assert {one["state"] for one in licences} == {"active"}
        rows: Any = it.house.databases["licensing"].collections["licences"].values()
        assert {row["state"] for row in rows} == {"active"}


async def test_it_happens_by_itself_at_once_when_the_money_comes() -> None:
    async with story(background=True) as it:
        await it.hear(it.created(), it.connected())
        for days in (31, 47):
            await it.turn_clock(days * DAY)
            await it.bus.until_said(LicenceChanged, 2 if days == 31 else 3)
        assert moves(it)[-1][:2] == ("suspended", "payment_overdue")
        await pay(it, await owed(it), "bank-1", now=False)
        await it.bus.until_said(LicenceChanged, 4)
        assert moves(it)[-1][:2] == ("active", "debts_paid")
