"""Staff changes plans: versions for ever, prices that never reach back, and people who are told before."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.identity import OrganisationChanged
from common.contracts.licensing import PlanChangeAnnounced, PlanChanged
from common.ids import OrganisationId
from stories.licensing.house import DAY, ORGANISATION, CrowdedDatabase, Story, story
from stories.licensing.plan_house import (
    STAFF,
    bills,
    days_pass,
    dearer,
    paid_ahead,
    published,
    staff,
    version,
)
from stories.licensing.test_money import PRAGUE


def renewals(it: Story) -> list[Any]:
    return [one for one in it.changes() if one.cause == "plan_renewed"]


async def test_what_ships_is_there_and_is_seeded_once() -> None:
    async with story(background=True) as it, asyncio.timeout(5):
        while len((await staff(it, "GET"))["items"]) < 3 or "plans" not in it.rows():
            await asyncio.sleep(0)
        plan = await staff(it, "GET", "/standard")
        assert (plan["version"], plan["on_offer"], len(plan["versions"])) == (1, True, 1)
        assert plan["versions"][0]["names"]["cs"] == "Standard"


async def test_a_camera_heard_before_anything_was_seeded_is_lost_by_no_death() -> None:
    async with story() as it:
        database = it.house.databases["licensing"]
        assert isinstance(database, CrowdedDatabase)
        database.dies_before = lambda writes: any(one.collection == "licences" for one in writes)
        it.bus.publish([it.connected()])
        it.bus.redeliver()
        with pytest.raises(asyncio.CancelledError):
            await it.bus.deliver()
        assert set(it.rows()["plans"]) == {"basic", "premium", "standard"}
        await it.bus.deliver()
        assert (await it.licence())["plan"] == "standard"


async def test_a_price_change_reaches_a_running_licence_with_a_month_after_its_notice() -> None:
    async with story() as it:
        await it.hear(it.created("Europe/Prague"), it.connected())
        await paid_ahead(it)
        await days_pass(it, 36)  # 6 April
        plan = await published(it, dearer())
        assert [one["licences"] for one in plan["versions"]] == [1, 0]
        await days_pass(it, 90)  # 5 July
        # Published on 6 April: thirty days later is 6 May, so June is the first month at the new price.
        found = await bills(it)
        assert {month: one["net"] for month, one in found.items()} == {
            "2026-03": 7,
            "2026-04": 500,
            "2026-05": 500,
            "2026-06": 600,
        }
        (renewed,) = renewals(it)
        assert (renewed.state, renewed.plan_version) == ("active", 2)
        assert renewed.since.isoformat() == "2026-05-31T22:00:00+00:00"
        assert renewed.at - renewed.since < DAY, "the month close writes it"
        (told,) = it.bus.said(PlanChangeAnnounced)
        assert (told.effective_at, told.amount_before, told.amount_after) == (renewed.since, 500, 600)
        assert told.effective_at - 31 * DAY <= told.at <= told.effective_at - 30 * DAY
        assert [one["licences"] for one in (await staff(it, "GET", "/standard"))["versions"]] == [0, 1]


async def test_an_answer_waits_for_no_background_work() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await published(it, dearer())
        it.house.clock.advance(20 * DAY)
        assert (await it.licence())["plan_version"] == 1
        question = {"licences": [(await it.licence())["id"]], "until": "2026-06-01T00:00:00Z"}
        months = (await it.ask("POST", "/what-if", {"switch_off": question}))["months"]
        assert {one["month"]: one["as_is"] for one in months}["2026-05"] == 600
        it.house.clock.advance(22 * DAY)  # 12 April, and nothing was written
        assert (await it.licence())["plan_version"] == 2
        assert renewals(it) == []
        fees = await it.ask("GET", "/fees")
        assert fees["total"]["amount"] == 600 * fees["total"]["seconds"] // (30 * 86_400)
        licence = (await it.licence())["id"]
        off = await it.ask("POST", f"/licences/{licence}/off")
        assert (off["state"], off["plan_version"]) == ("off", 2)
        causes = [one["cause"] for one in (await it.ask("GET", f"/licences/{licence}"))["intervals"]]
        assert causes == ["registered", "trial_ended", "plan_renewed", "turned_off"]


async def test_new_cameras_and_who_chooses_get_the_new_version_at_once() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await published(it, dearer())
        await it.hear(it.connected(camera="camera-b", device="mac:b"))
        first, second = (await it.ask("GET", "/licences"))["items"]
        assert (first["plan_version"], second["plan_version"]) == (1, 2)
        chosen = await it.ask("PUT", f"/licences/{first['id']}/plan", {"plan": "standard"})
        assert (chosen["plan_version"], chosen["cause"]) == (2, "plan_changed")
        assert [one["prices"]["EUR"] for one in (await it.ask("GET", "/plans"))["plans"]] == [200, 600, 1500]


async def test_a_version_can_be_scheduled_and_corrected_before_it_holds() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await paid_ahead(it)
        await published(it, dearer(valid_from="2026-06-15T00:00:00Z"))
        offer = (await it.ask("GET", "/plans"))["plans"][1]
        assert (offer["prices"]["EUR"], offer["coming"]["prices"]["EUR"]) == (500, 600)
        plan = await published(it, dearer(50))
        assert [one["valid_from"][:10] for one in plan["versions"]][1:] == ["2026-06-15", "2026-06-15"]
        await days_pass(it, 160)
        found = await bills(it)
        assert (found["2026-06"]["net"], found["2026-07"]["net"]) == (500, 550)
        assert [one.plan_version for one in renewals(it)] == [3], "nobody sees what was corrected in time"
        assert [one.plan_version for one in it.bus.said(PlanChangeAnnounced)] == [3]


async def test_everybody_is_told_once_whenever_they_came_and_wherever_they_are() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await published(it, dearer(valid_from="2026-06-15T00:00:00Z"))
        await days_pass(it, 100)  # 9 June
        (first,) = it.bus.said(PlanChangeAnnounced)
        assert (f"{first.at:%m-%d}", f"{first.effective_at:%m-%dT%H}") == ("05-31", "07-01T00")
        late = it.created("America/New_York").model_copy(update={"organisation": OrganisationId("org-b")})
        await it.hear(late, it.connected(organisation="org-b", camera="camera-b", device="mac:b"))
        await days_pass(it, 30)
        _, second = it.bus.said(PlanChangeAnnounced)
        assert (second.organisation, f"{second.effective_at:%m-%dT%H}") == ("org-b", "07-01T04")
        assert second.at - late.at <= DAY, "whoever comes when the others were told is told next"
        assert (await it.licence("org-b"))["plan_version"] == 2


async def test_a_preview_tells_what_a_price_change_means_and_writes_nothing() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected(), it.connected(camera="camera-b", device="mac:b"))
        await days_pass(it, 33)
        first = (await it.ask("GET", "/licences"))["items"][0]["id"]
        await it.ask("POST", f"/licences/{first}/off")
        effect = await staff(it, "POST", "/standard/preview", dearer())
        assert effect["licences"] == 2
        assert effect["currencies"] == [
            {"currency": "EUR", "licences": 2, "charged": 1, "before": 500, "after": 600, "difference": 100}
        ]
        assert effect["publishable"]
        await it.ask("PUT", f"/licences/{first}/plan", {"plan": "basic"})
        effect = await staff(it, "POST", "/basic/preview", dearer(prices={"USD": 600}, add_ons=[]))
        assert not effect["publishable"]
        assert "EUR (1 licences)" in effect["problem"]
        assert len((await staff(it, "GET", "/standard"))["versions"]) == 1
        assert it.bus.said(PlanChanged) == []


async def test_nobody_loses_the_currency_they_pay_in() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.ask("PUT", f"/licences/{(await it.licence())['id']}/plan", {"plan": "basic"})
        body = dearer(prices={"USD": 600}, add_ons=[])
        answer = await staff(it, "POST", "/basic/versions", body, seen=1, status=409)
        assert answer["code"] == "price_missing"
        facts = {"name": "Acme", "time_zone": "UTC", "currency": "CZK", "language": "en", "country": "CZ"}
        base = {"organisation": ORGANISATION, "version": 2, "at": it.house.clock.now()}
        await it.hear(OrganisationChanged.model_validate(base | facts))
        euros = dearer(prices={"EUR": 600}, add_ons=[])
        answer = await staff(it, "POST", "/basic/versions", euros, seen=1, status=409)
        assert "CZK (1 licences)" in answer["detail"], "from the next month on"
        kept = dearer(prices={"EUR": 600, "CZK": 15_000}, add_ons=[])
        assert (await staff(it, "POST", "/basic/versions", kept, seen=1, status=201))["latest"] == 2
        answer = await staff(it, "POST", "/standard/versions", kept, seen=1, status=422)
        assert "prices.JPY" in [one["field"] for one in answer["errors"]], "whoever comes begins with it"


async def test_nobody_changes_to_a_currency_that_their_plan_is_not_sold_in() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await staff(it, "POST", "", version(key="night", prices={"EUR": 300}, add_ons=[]), status=201)
        put = f"/licences/{(await it.licence())['id']}/plan"
        await it.ask("PUT", put, {"plan": "night"})
        refused = await it.ask("PUT", "/billing-information", PRAGUE | {"currency": "JPY"}, status=409)
        assert refused["code"] == "currency_not_priced"
        await it.ask("PUT", "/billing-information", PRAGUE)
        await it.ask("PUT", put, {"plan": "standard"})
        await it.ask("PUT", "/billing-information", PRAGUE | {"currency": "JPY"})
        refused = await it.ask("PUT", put, {"plan": "night"}, status=409)
        assert refused["code"] == "currency_not_priced", "from the next month on they pay in yen"


async def test_a_month_before_a_change_of_currency_is_corrected_in_the_new_one() -> None:
    """Also when the version of that time was not sold in it: the next one that is tells the price."""
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await paid_ahead(it)
        await staff(it, "POST", "", version(key="night", prices={"EUR": 300}, add_ons=[]), status=201)
        put = f"/licences/{(await it.licence())['id']}/plan"
        await it.ask("PUT", put, {"plan": "night"})
        await it.ask("PUT", "/billing-information", PRAGUE | {"time_zone": "UTC"})
        await days_pass(it, 45.5, by=DAY / 2)  # 16 April, midnight
        gone = it.removed()
        await days_pass(it, 20)  # April is billed in euros
        await published(it, version(prices={"EUR": 300, "JPY": 3_000}, add_ons=[]), "night")
        await it.ask("PUT", put, {"plan": "night"})
        await it.ask("PUT", "/billing-information", PRAGUE | {"time_zone": "UTC", "currency": "JPY"})
        await days_pass(it, 30)  # 5 June
        await it.hear(gone)
        await days_pass(it, 30)
        june = (await bills(it))["2026-06"]
        assert (june["currency"], [(one["month"], one["amount"]) for one in june["lines"]]) == (
            "JPY",
            [("2026-04", -1_500), ("2026-05", -3_000)],
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prices": {"EUR": 500, "XAU": 1}}, "prices.XAU"),
        ({"prices": {"EUR": -1}}, "prices.EUR"),
        ({"prices": {"EUR": 5.5}}, "prices.EUR"),
        ({"prices": {"EUR": "5.00"}}, "prices.EUR"),
        ({"prices": {}}, "prices"),
        ({"names": {"cs": "Standard"}}, "names.en"),
        ({"add_ons": [{"key": "more", "names": {"en": "x"}, "prices": {"EUR": 1}}]}, "add_ons.0"),
        ({"valid_from": "2020-01-01T00:00:00Z"}, "valid_from"),
        ({"valid_from": "2126-01-01T00:00:00Z"}, "valid_from"),
        ({"simultaneous_accesses": 10**9}, "simultaneous_accesses"),
        ({"description": "x" * 501}, "description"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_wrong_version_is_refused_field_by_field(change: dict[str, Any], field: str) -> None:
    async with story() as it:
        answer = await staff(it, "POST", "/standard/versions", version(**change), seen=1, status=422)
        assert field in [one["field"] for one in answer["errors"]], answer
        assert (await staff(it, "GET", "/standard"))["latest"] == 1


async def test_nobody_publishes_over_what_they_have_not_seen() -> None:
    async with story() as it:
        answer = await staff(it, "POST", "/standard/versions", dearer(), status=428)
        assert answer["current"]["version"] == 1
        await asyncio.gather(
            *(staff(it, "POST", "/standard/versions", dearer(by), seen=1, status=None) for by in (1, 2, 3))
        )
        assert (await staff(it, "GET", "/standard"))["latest"] == 2, "one of three"
        answer = await staff(it, "POST", "/standard/versions", dearer(), seen=1, status=412)
        assert answer["current"]["version"] == 2


async def test_asking_twice_publishes_once() -> None:
    async with story() as it:
        both = [
            await staff(it, "POST", "/standard/versions", dearer(), seen=1, key="once", status=201)
            for _ in range(2)
        ]
        assert both[0] == both[1]
        assert (await staff(it, "GET", "/standard"))["latest"] == 2


async def test_a_plan_that_is_withdrawn_is_chosen_by_nobody_and_kept_by_who_has_it() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        put = f"/licences/{(await it.licence())['id']}/plan"
        await it.ask("PUT", put, {"plan": "premium"})
        gone = await staff(it, "POST", "/premium/withdraw", seen=1)
        assert (gone["on_offer"], gone["version"]) == (False, 2)
        assert [one["name"] for one in (await it.ask("GET", "/plans"))["plans"]] == ["basic", "standard"]
        assert (await it.licence())["plan"] == "premium"
        await it.ask("PUT", put, {"plan": "basic"})
        await it.ask("PUT", put, {"plan": "premium"}, status=404)
        await staff(it, "POST", "/premium/offer", seen=2)
        await it.ask("PUT", put, {"plan": "premium"})
        await staff(it, "POST", "/standard/withdraw", seen=1, status=409)
        assert [(one.plan, one.on_offer) for one in it.bus.said(PlanChanged)] == [
            ("premium", False),
            ("premium", True),
        ]


async def test_a_plan_of_ones_own_is_created_once() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        body = version(key="night", names={"en": "Night"}, prices={"EUR": 300}, add_ons=[])
        made = await staff(it, "POST", "", body, status=201)
        assert (made["plan"], made["latest"], made["licences"]) == ("night", 1, 0)
        await staff(it, "POST", "", body, status=409)
        changed = await it.ask("PUT", f"/licences/{(await it.licence())['id']}/plan", {"plan": "night"})
        assert changed["plan"] == "night"
        (said,) = it.bus.said(PlanChanged)
        assert (said.organisation, said.prices) == (STAFF, {"EUR": 300})


async def test_plans_are_staff_admins_business() -> None:
    async with story() as it:
        for role in (Role.SUPER_ADMIN, Role.STAFF, Role.SUPPORT):
            await staff(it, "GET", role=role, status=403)
            await staff(it, "POST", "/standard/versions", dearer(), seen=1, role=role, status=403)
        await staff(it, "GET", "/gold", status=404)
        await staff(it, "POST", "/gold/versions", dearer(), seen=1, status=404)


async def test_on_a_clock_of_its_own_no_past_month_gets_another_price() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await paid_ahead(it)
        await it.turn_clock(100 * DAY)  # 9 June, by its clock
        await it.work()
        await published(it, dearer())
        it.house.clock.advance(timedelta(seconds=1))
        await it.turn_clock(160 * DAY)  # 8 August
        await it.work()
        found = await bills(it)
        assert {month: one["net"] for month, one in found.items()}["2026-06"] == 500
        assert found["2026-07"]["net"] == 500, "9 June and thirty days: August is the first"
        await it.turn_clock(190 * DAY + timedelta(hours=1))
        await it.work()
        assert (await bills(it))["2026-08"]["net"] == 600
