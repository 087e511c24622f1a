"""What would happen is what does happen."""

from datetime import timedelta
from typing import Any

from common.auth import Role
from stories.licensing.house import DAY, Story, story
from stories.licensing.test_debts import moves, owed, pass_time, pay


async def ask(it: Story, question: dict[str, Any], **expected: Any) -> Any:
    return await it.ask("POST", "/what-if", question, **expected)


async def test_switching_off_saves_what_the_bills_then_differ_by() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 36 * DAY, by=6 * DAY)  # 6 April at noon
        licence = (await it.licence())["id"]
        question = {"licences": [licence], "until": "2026-05-11T12:00:00Z"}
        answer = await ask(it, {"switch_off": question})
        april, may = answer["months"]
        assert (april["month"], april["as_is"], may["month"]) == ("2026-04", 500, "2026-05")
        assert april["saves"] == 500 - round(500 * 5.5 / 30)
        assert (may["switched_off"], may["saves"]) == (0, round(500 * 10.5 / 31))
        assert answer["saves"] == {"EUR": april["saves"] + may["saves"]}
        assert (await it.licence())["state"] == "active", "nothing has happened"
        await it.ask("POST", f"/licences/{licence}/off")
        await pass_time(it, 62 * DAY, by=6 * DAY)
        bill = next(one for one in (await it.ask("GET", "/invoices"))["items"] if one["month"] == "2026-04")
        assert bill["net"] == april["switched_off"]


async def test_a_bill_that_stays_unpaid_does_what_was_told() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await pass_time(it, 32 * DAY)
        answer = (await ask(it, {"unpaid": "2026000001"}))["unpaid"]
        assert (answer["state"], answer["cameras"]) == ("active", 1)
        assert answer["amount"] == await owed(it)
        assert [(one["state"], one["at"][5:10]) for one in answer["turns"]] == [
            ("suspended", "04-16"),
            ("inactive", "05-01"),
        ]
        await pass_time(it, 65 * DAY)
        assert [(state, day) for state, _, day in moves(it)][2:] == [
            (one["state"], one["at"][5:10]) for one in answer["turns"]
        ]
        await pay(it, await owed(it), "bank-1")
        await ask(it, {"unpaid": "2026000001"}, status=404)


async def test_strange_questions_are_refused() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        licence = (await it.licence())["id"]
        soon = (it.house.clock.now() + timedelta(days=3)).isoformat()
        both = {"switch_off": {"licences": [licence], "until": soon}, "unpaid": "1"}
        for question in ({}, both, {"switch_off": {"licences": [], "until": soon}}):
            await ask(it, question, status=422)
        for until in ("2020-01-01T00:00:00Z", "2126-01-01T00:00:00Z"):
            await ask(it, {"switch_off": {"licences": [licence], "until": until}}, status=422)
        mine = {"switch_off": {"licences": [licence], "until": soon}}
        await ask(it, mine, status=404, organisation="org-b")
        await ask(it, mine, status=403, role=Role.VIEWER)
