"""Identity tells that an organisation has another name or other preferences."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.identity import OrganisationChanged
from stories.licensing.house import DAY, ORGANISATION, Story, story


def changed(it: Story, version: int = 2, **more: Any) -> OrganisationChanged:
    facts: dict[str, Any] = {
        "name": "Acme & Sons",
        "time_zone": "UTC",
        "currency": "EUR",
        "language": "en",
        "country": "CZ",
    }
    return OrganisationChanged.model_validate(
        {"organisation": ORGANISATION, "version": version, "at": it.house.clock.now(), **facts, **more}
    )


async def bills(it: Story, days: int) -> dict[str, Any]:
    """Month -> invoice, everything that was issued by then."""
    await it.turn_clock(days * DAY)
    await it.close_months()
    found = (await it.ask("GET", "/invoices"))["items"]
    return {one["month"]: await it.ask("GET", f"/invoices/{one['id']}") for one in found}


def as_kept(it: Story) -> Any:
    return it.house.databases["licensing"].collections["organisations"][ORGANISATION]


async def test_the_next_bill_bears_the_new_name_and_those_before_the_old_one() -> None:
    async with story(trial_days=1) as it:
        await it.hear(it.created(), it.connected())
        await bills(it, 32)
        await it.hear(changed(it, language="cs"))
        found = await bills(it, 62)
        assert [found[month]["customer"]["legal_name"] for month in ("2026-03", "2026-04")] == [
            "Acme",
            "Acme & Sons",
        ]
        assert found["2026-04"]["customer"]["language"] == "cs"


async def test_another_currency_and_time_zone_hold_from_the_next_month_on() -> None:
    async with story(trial_days=1) as it:
        await it.hear(it.created(), it.connected())
        await it.hear(changed(it, currency="CZK", time_zone="Europe/Prague"))
        now = await it.ask("GET", "/billing-information")
        assert (now["currency"], now["time_zone"], now["coming_from"]) == ("EUR", "UTC", "2026-04")
        assert (now["coming"]["currency"], now["coming"]["time_zone"]) == ("CZK", "Europe/Prague")
        fees = await it.ask("GET", "/fees")
        assert (fees["currency"], fees["time_zone"]) == ("EUR", "UTC"), "the running month is being counted"
        found = await bills(it, 65)
        assert [found[month]["currency"] for month in ("2026-03", "2026-04")] == ["EUR", "CZK"]
        for one in found.values():
            assert (await it.ask("GET", f"/invoices/{one['id']}/replay"))["equal"]
        seconds = {month: one["lines"][0]["seconds"] for month, one in found.items()}
        assert seconds["2026-04"] == 30 * 86_400 - 2 * 3_600, "it begins where March ended, in UTC"


async def test_news_that_come_twice_late_or_in_another_order_change_nothing() -> None:
    async with story() as it:
        await it.hear(it.created())
        second, third = changed(it, 2, name="Second"), changed(it, 3, name="Third", currency="CZK")
        await it.hear(third)
        kept = dict(as_kept(it))
        await it.hear(second, third, it.created(), second, third)
        assert as_kept(it) == kept
        assert (kept["name"], kept["heard"]) == ("Third", 3)


async def test_news_that_overtake_that_of_the_beginning_are_how_it_always_was() -> None:
    async with story(trial_days=1) as it:
        await it.hear(it.connected())
        await it.hear(changed(it, 5, currency="CZK"), it.created())
        assert (await it.ask("GET", "/billing-information"))["currency"] == "CZK"
        assert (await bills(it, 33))["2026-03"]["currency"] == "CZK"


async def test_what_is_changed_again_before_it_holds_is_replaced_and_can_be_taken_back() -> None:
    async with story() as it:
        await it.hear(it.created())
        for version, currency in ((2, "CZK"), (3, "JPY")):
            await it.hear(changed(it, version, currency=currency))
        assert (await it.ask("GET", "/billing-information"))["coming"]["currency"] == "JPY"
        await it.hear(changed(it, 4))
        assert (await it.ask("GET", "/billing-information"))["coming"] is None
        assert as_kept(it)["preferences"] == []


async def test_what_was_entered_for_bills_is_not_overruled() -> None:
    async with story(trial_days=1) as it:
        await it.hear(it.created(), it.connected())
        entered = {
            "legal_name": "Acme a.s.", "street": "", "postal_code": "", "city": "", "country": "CZ",
            "tax_status": "private", "currency": "EUR", "time_zone": "Europe/Prague", "language": "cs",
        }  # fmt: skip
        await it.ask("PUT", "/billing-information", entered)
        await it.hear(changed(it, currency="CZK", time_zone="Asia/Tokyo"))
        found = await bills(it, 65)
        for month in ("2026-03", "2026-04"):
            customer = found[month]["customer"]
            assert (customer["legal_name"], customer["currency"], customer["time_zone"]) == (
                "Acme a.s.",
                "EUR",
                "Europe/Prague",
            )


async def test_two_replicas_that_hear_two_changes_at_once_end_with_the_later_one() -> None:
    for order in ((2, 3), (3, 2)):
        async with story() as it:
            await it.hear(it.created())
            handler = it.assembly.subscriptions[OrganisationChanged]
            news = [changed(it, version, name=f"v{version}") for version in order]
            await asyncio.gather(*map(handler, news))
            assert (as_kept(it)["name"], as_kept(it)["heard"]) == ("v3", 3)


async def test_a_time_zone_that_does_not_exist_is_put_aside() -> None:
    async with story() as it:
        await it.hear(it.created())
        with pytest.raises(Exception, match="Atlantis"):
            await it.hear(changed(it, time_zone="Atlantis/Capital"))
        assert as_kept(it)["name"] == "Acme"
        it.house.clock.advance(timedelta(days=1))
        assert (await it.ask("GET", "/fees"))["time_zone"] == "UTC"
