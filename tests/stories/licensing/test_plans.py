"""A camera gets another plan, and what was before keeps its price."""

import asyncio
from datetime import timedelta

from common.auth import Role
from stories.licensing.house import DAY, story
from stories.licensing.test_debts import pass_time


async def test_everybody_sees_what_is_on_offer() -> None:
    async with story() as it:
        plans = (await it.ask("GET", "/plans", role=Role.VIEWER))["plans"]
        assert [one["name"] for one in plans] == ["basic", "standard", "premium"]
        assert [one["prices"]["EUR"] for one in plans] == [200, 500, 1_500]


async def test_a_month_is_billed_by_the_plan_of_each_second() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 31 * DAY + timedelta(hours=12), by=DAY / 2)  # 2 April, midnight
        licence = (await it.licence())["id"]
        await it.turn_clock(45 * DAY + timedelta(hours=12))  # 16 April, midnight: half a month
        put = f"/licences/{licence}/plan"
        answers = await asyncio.gather(*(it.ask("PUT", put, {"plan": "premium"}) for _ in range(3)))
        assert {(one["plan"], one["cause"], one["state"]) for one in answers} >= {
            ("premium", "plan_changed", "suspended")
        }
        assert len([one for one in it.changes() if one.cause == "plan_changed"]) == 1, "repeating is nothing"
        it.ahead = 45 * DAY + timedelta(hours=12)
        await pass_time(it, 62 * DAY)
        april = next(one for one in (await it.ask("GET", "/invoices"))["items"] if one["month"] == "2026-04")
        assert april["net"] == (500 + 1_500) // 2
        assert (await it.ask("GET", f"/invoices/{april['id']}/replay"))["equal"]


async def test_a_plan_that_is_not_on_offer_or_not_theirs_to_choose_is_refused() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        put = f"/licences/{(await it.licence())['id']}/plan"
        await it.ask("PUT", put, {"plan": "gold"}, status=404)
        await it.ask("PUT", put, {"plan": "basic"}, status=403, role=Role.VIEWER)
        await it.ask("PUT", put, {"plan": "basic"}, status=404, organisation="org-b")
        changed = await it.ask("PUT", put, {"plan": "basic"})
        assert (changed["state"], changed["entitlements"]["simultaneous_accesses"]) == ("demo", 2)
