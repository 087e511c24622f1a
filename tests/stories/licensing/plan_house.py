"""Staff at its plans, and days that pass for everybody."""

from datetime import timedelta
from typing import Any

from common.auth import Role
from stories.licensing.house import DAY, ORGANISATION, Story

STAFF = "staff-org"


def version(**changes: Any) -> dict[str, Any]:
    """All of a version: the standard plan as it ships, but for `changes`."""
    prices = {"EUR": 500, "USD": 550, "GBP": 450, "CHF": 500, "CZK": 12_500, "PLN": 2_200, "JPY": 800}
    return {
        "names": {"en": "Standard", "cs": "Standard"},
        "primary_function": "video_surveillance",
        "simultaneous_accesses": 5,
        "live_view": True,
        "remote_recording": {"mode": "on_motion", "days": 30},
        "local_recording": {"mode": "continuous", "days": 7},
        "retention_days": 30,
        "analytics": ["motion"],
        "prices": prices,
        "add_ons": [add_on("retention_30", 200, retention_days=30), add_on("accesses_5", 100)],
    } | changes


def dearer(by: int = 100, **changes: Any) -> dict[str, Any]:
    plan = version()
    return plan | {"prices": {name: price + by for name, price in plan["prices"].items()}} | changes


def add_on(key: str, price: int, **changes: Any) -> dict[str, Any]:
    prices = dict.fromkeys(("EUR", "USD", "GBP", "CHF", "CZK", "PLN", "JPY"), price)
    return {"key": key, "names": {"en": key}, "prices": prices} | (changes or {"simultaneous_accesses": 5})


async def staff(
    it: Story, method: str, path: str = "", body: Any = None, *, seen: int | None = None, **expected: Any
) -> Any:
    headers = {"If-Match": f'"{seen}"'} if seen is not None else {}
    given = {"role": Role.STAFF_ADMIN, "organisation": STAFF} | expected
    return await it.ask(method, f"/service-plans{path}", body, headers=headers, **given)


async def published(it: Story, body: dict[str, Any], plan: str = "standard") -> Any:
    """As whoever has just looked."""
    seen = (await staff(it, "GET", f"/{plan}"))["version"]
    return await staff(it, "POST", f"/{plan}/versions", body, seen=seen, status=201)


async def days_pass(it: Story, days: float, *, by: timedelta = DAY) -> None:
    """The background does what it would do, day after day."""
    left = days * DAY
    while left > timedelta():
        step = min(by, left)
        it.house.clock.advance(step)
        left -= step
        await it.work()


async def paid_ahead(it: Story, amount: int = 100_000) -> None:
    body = {"organisation": ORGANISATION, "amount": amount, "currency": "EUR", "reference": "ahead"}
    await it.ask("POST", "/payments", body | {"received_on": "2026-03-01"}, role=Role.STAFF_ADMIN, status=201)


async def bills(it: Story) -> dict[str, Any]:
    """Month -> its invoice, each computed again and found equal."""
    found = {}
    for one in (await it.ask("GET", "/invoices"))["items"]:
        assert (await it.ask("GET", f"/invoices/{one['id']}/replay"))["equal"]
        found[one["month"]] = await it.ask("GET", f"/invoices/{one['id']}")
    return found
