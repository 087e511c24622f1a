"""Add-ons: shown with their price, taken and left to the second, billed on lines of their own."""

import asyncio
from datetime import timedelta
from typing import Any

from common.auth import Role
from licensing.api.invoice_pdf import invoice_pdf
from stories.licensing.house import DAY, ORGANISATION, Story, story
from stories.licensing.plan_house import add_on, bills, days_pass, dearer, paid_ahead, published, staff
from stories.licensing.test_money import PRAGUE

RETENTION, ACCESSES = "retention_30", "accesses_5"


async def offers(it: Story, licence: str) -> dict[str, Any]:
    items = (await it.ask("GET", f"/licences/{licence}/add-ons"))["items"]
    return {one["key"]: one for one in items}


async def begun(it: Story, zone: str = "UTC") -> str:
    """A licence whose trial is over: 16 April, midnight."""
    await it.hear(it.created(zone), it.connected())
    await paid_ahead(it)
    await days_pass(it, 45.5, by=DAY / 2)
    return str((await it.licence())["id"])


async def test_what_an_add_on_costs_is_shown_before_and_billed_after() -> None:
    async with story() as it:
        licence = await begun(it)
        offer = (await offers(it, licence))[RETENTION]
        assert (offer["monthly"], offer["rest_of_month"], offer["taken"]) == (200, 100, False)
        taken = await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}")
        assert (taken["add_ons"], taken["entitlements"]["retention_days"]) == ([RETENTION], 60)
        assert it.changes()[-1].retention_days == 60
        fees = (await it.ask("GET", "/fees"))["licences"]
        assert [one["add_on"] for one in fees] == [None, RETENTION]
        await days_pass(it, 17)
        april = (await bills(it))["2026-04"]
        assert [(one["add_on"], one["amount"]) for one in april["lines"]] == [(None, 500), (RETENTION, 100)]
        assert [one["intervals"] for one in april["lines"]] == [[2, 3], [3]]
        assert april["net"] == 600


async def test_a_trial_is_free_with_add_ons_too() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await paid_ahead(it)
        licence = await it.licence()
        offer = (await offers(it, licence["id"]))[ACCESSES]
        assert (offer["charged_from"], offer["rest_of_month"]) == (licence["trial_ends"], 2)
        taken = await it.ask("PUT", f"/licences/{licence['id']}/add-ons/{ACCESSES}")
        assert (taken["state"], taken["entitlements"]["simultaneous_accesses"]) == ("demo", 10)
        await days_pass(it, 62)
        found = await bills(it)
        march, april = found["2026-03"], found["2026-04"]
        assert [one["seconds"] for one in march["lines"]] == [12 * 3_600] * 2
        assert [one["amount"] for one in april["lines"]] == [500, 100]


async def test_taking_and_leaving_again_and_again_changes_once_each() -> None:
    async with story() as it:
        licence = await begun(it)
        path = f"/licences/{licence}/add-ons/{RETENTION}"
        await asyncio.gather(*(it.ask("PUT", path) for _ in range(3)))
        await it.ask("PUT", f"/licences/{licence}/add-ons/{ACCESSES}")
        it.house.clock.advance(timedelta(hours=1))
        await asyncio.gather(*(it.ask("DELETE", path) for _ in range(3)))
        assert (await it.licence())["add_ons"] == [ACCESSES]
        changes = [one.add_ons for one in it.changes() if one.cause == "add_ons_changed"]
        assert changes == [[RETENTION], [RETENTION, ACCESSES], [ACCESSES]]
        fees = (await it.ask("GET", "/fees"))["licences"]
        assert [(one["add_on"], one["seconds"]) for one in fees][1:] == [
            (ACCESSES, 3_600),
            (RETENTION, 3_600),
        ]


async def test_off_costs_nothing_and_the_add_on_comes_back_with_the_camera() -> None:
    async with story() as it:
        licence = await begun(it)
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}")
        off = await it.ask("POST", f"/licences/{licence}/off")
        assert (off["add_ons"], off["entitlements"]["retention_days"]) == ([RETENTION], 0)
        assert (await offers(it, licence))[RETENTION]["charged_from"] is None
        await days_pass(it, 5)
        on = await it.ask("POST", f"/licences/{licence}/on")
        assert (on["add_ons"], on["entitlements"]["retention_days"]) == ([RETENTION], 60)
        await days_pass(it, 13)
        april = (await bills(it))["2026-04"]
        assert [one["seconds"] for one in april["lines"]] == [25 * 86_400, 10 * 86_400]


async def test_another_plan_keeps_the_add_ons_that_it_has_too() -> None:
    async with story() as it:
        licence = await begun(it)
        for key in (RETENTION, ACCESSES):
            await it.ask("PUT", f"/licences/{licence}/add-ons/{key}")
        basic = await it.ask("PUT", f"/licences/{licence}/plan", {"plan": "basic"})
        assert (basic["add_ons"], basic["entitlements"]["simultaneous_accesses"]) == ([ACCESSES], 7)


async def test_a_new_version_reprices_an_add_on_and_takes_it_from_nobody() -> None:
    async with story() as it:
        licence = await begun(it)
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}")
        without = await staff(it, "POST", "/standard/versions", dearer(add_ons=[]), seen=1, status=409)
        assert without["code"] == "add_on_in_use"
        more = [add_on(RETENTION, 300, retention_days=40), add_on("extra", 10, analytics=["faces"])]
        await published(it, dearer(add_ons=more))
        refused = await it.ask("PUT", f"/licences/{licence}/add-ons/extra", status=404)
        assert "PUT /api/v1/licences" in refused["next"], "its own version does not have it"
        await days_pass(it, 80)
        found = await bills(it)
        assert [one["amount"] for one in found["2026-05"]["lines"]] == [500, 200]
        assert [one["amount"] for one in found["2026-06"]["lines"]] == [600, 300]
        licence_now = await it.licence()
        assert (licence_now["plan_version"], licence_now["entitlements"]["retention_days"]) == (2, 70)
        await it.ask("PUT", f"/licences/{licence}/add-ons/extra")
        assert it.changes()[-1].analytics == ["motion", "faces"]


async def test_an_invoice_names_the_add_on_in_the_customers_language() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.ask("PUT", "/billing-information", PRAGUE)
        await paid_ahead(it)
        licence = (await it.licence())["id"]
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}")
        await days_pass(it, 62)
        april = (await bills(it))["2026-04"]
        assert [one["add_on_name"] for one in april["lines"]] == [None, "Archiv o 30 dní delší"]
        store = it.stores()[0].invoices
        kept = await store.invoice(ORGANISATION, april["id"])
        assert kept is not None
        assert (await invoice_pdf(kept)).startswith(b"%PDF")


async def test_what_was_heard_late_corrects_each_line_of_its_own() -> None:
    async with story() as it:
        licence = await begun(it)
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}")
        gone = it.removed()  # 16 April, but the news comes in May
        await days_pass(it, 20)
        await it.hear(gone)
        await days_pass(it, 30)
        found = await bills(it)
        corrections = [(one["add_on"], one["amount"]) for one in found["2026-05"]["lines"]]
        assert corrections == [(None, -250), (RETENTION, -100)]


async def test_other_peoples_cameras_and_unknown_add_ons_are_not_found() -> None:
    async with story() as it:
        licence = await begun(it)
        for key, organisation in ((RETENTION, "org-b"), ("gold", ORGANISATION), ("$ne", ORGANISATION)):
            path = f"/licences/{licence}/add-ons/{key}"
            await it.ask("PUT", path, status=404, organisation=organisation)
        await it.ask("GET", f"/licences/{licence}/add-ons", status=404, organisation="org-b")
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}", status=403, role=Role.VIEWER)
        await it.hear(it.removed())
        await it.ask("PUT", f"/licences/{licence}/add-ons/{RETENTION}", status=409)
