"""From the first connection to the removal, and what it cost."""

from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfoNotFoundError

import pytest

from common.auth import Role
from common.contracts.licensing import LicenceChanged
from common.contracts.licensing import TestClockMoved as ClockMoved
from stories.licensing.house import DAY, ORGANISATION, story


async def test_a_camera_lives_from_its_trial_to_its_bill_and_its_removal() -> None:
    async with story(background=True) as it:
        await it.hear(it.created(time_zone="Europe/Prague"))
        await it.hear(it.connected())
        licence = await it.licence()
        assert (licence["state"], licence["trial_ends"]) == ("demo", "2026-03-31T12:00:00Z")
        assert (await it.ask("GET", "/fees"))["total"]["seconds"] == 0

        await it.turn_clock(33 * DAY)  # it is 3 April, noon
        demo, active = await it.bus.until_said(LicenceChanged, 2)
        assert (demo.state, active.state, active.previous, active.cause) == (
            "demo",
            "active",
            "demo",
            "trial_ended",
        )
        assert active.since == demo.trial_ends
        assert (await it.licence())["state"] == "active"

        fees = await it.ask("GET", "/fees")
        # In Prague April began at 22:00 UTC on 31 March.
        seconds = int(timedelta(days=2, hours=14).total_seconds())
        assert (fees["period"], fees["period_start"]) == ("2026-04", "2026-04-01T00:00:00+02:00")
        assert fees["as_of"] == "2026-04-03T12:00:00Z"
        assert fees["total"]["seconds"] == seconds
        assert Fraction(fees["total"]["exact"]) == Fraction(500 * seconds, 30 * 86_400)
        assert fees["total"]["amount"] == 43

        it.house.clock.advance(timedelta(seconds=1))
        assert (await it.ask("GET", "/fees"))["total"]["seconds"] == seconds + 1

        await it.hear(it.removed())
        it.house.clock.advance(DAY)
        (line,) = (await it.ask("GET", "/fees"))["licences"]
        assert (line["state"], line["seconds"], line["ended_at"]) == (
            "ended",
            seconds + 1,
            "2026-04-03T12:00:01Z",
        )
        ended = it.changes()[-1]
        assert (ended.state, ended.cause, ended.charged, ended.portal_features) == (
            "ended",
            "removed",
            False,
            False,
        )
        shown = await it.ask("GET", f"/licences/{line['licence']}")
        assert [(one["state"], one["end"]) for one in shown["intervals"]] == [
            ("demo", "2026-03-31T12:00:00Z"),
            ("active", "2026-04-03T12:00:01Z"),
            ("ended", None),
        ]


async def test_off_stops_the_fee_to_the_second_and_on_starts_it_again() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.turn_clock(32 * DAY)
        identity = (await it.licence())["id"]
        off = await it.ask("POST", f"/licences/{identity}/off")
        assert (off["state"], off["entitlements"]["recording"]) == ("off", False)
        before = (await it.ask("GET", "/fees"))["total"]
        it.house.clock.advance(timedelta(hours=1))
        again = await it.ask("POST", f"/licences/{identity}/off")
        assert again["since"] == off["since"]
        assert (await it.ask("GET", "/fees"))["total"] == before
        assert (await it.ask("POST", f"/licences/{identity}/on"))["state"] == "active"
        it.house.clock.advance(timedelta(seconds=7))
        assert (await it.ask("GET", "/fees"))["total"]["seconds"] == before["seconds"] + 7
        assert [change.state for change in it.changes()] == ["demo", "active", "off", "active"]
        assert [change.version for change in it.changes()] == [1, 2, 3, 4]


async def test_a_fee_does_not_wait_for_the_loop_that_ends_trials() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        await it.turn_clock(31 * DAY)  # 1 April, noon; nothing runs beside
        assert (await it.ask("GET", "/fees"))["total"]["seconds"] == 12 * 3600
        assert (await it.licence())["state"] == "active"
        assert len(it.changes()) == 1


async def test_a_device_has_one_trial_whoever_connects_it() -> None:
    async with story() as it:
        await it.hear(it.connected())
        await it.hear(it.removed())
        await it.hear(it.connected(camera="camera-b", organisation="org-b"))
        licence = await it.licence("org-b")
        assert (licence["state"], licence["trial_ends"]) == ("active", None)


async def test_a_reconnection_is_no_registration() -> None:
    async with story() as it:
        await it.hear(it.connected().model_copy(update={"first": False}))
        assert (await it.ask("GET", "/licences"))["items"] == []


async def test_an_organisation_not_heard_of_yet_gets_its_licence_and_later_its_own_month() -> None:
    async with story() as it:
        await it.hear(it.connected())
        assert (await it.ask("GET", "/fees"))["time_zone"] == "UTC"
        await it.hear(it.created(time_zone="Asia/Tokyo", currency="JPY"))
        fees = await it.ask("GET", "/fees")
        assert (fees["period_start"], fees["currency"]) == ("2026-03-01T00:00:00+09:00", "JPY")


async def test_an_unknown_time_zone_is_an_error_and_never_silently_another() -> None:
    async with story() as it:
        with pytest.raises(ZoneInfoNotFoundError):
            await it.hear(it.created(time_zone="Europe/Atlantis"))


async def test_a_currency_without_a_price_is_refused_and_not_guessed() -> None:
    async with story() as it:
        await it.hear(it.created(currency="XAF"), it.connected())
        await it.turn_clock(31 * DAY)
        refused = await it.ask("GET", "/fees", status=409)
        assert refused["code"] == "currency_not_priced"


async def test_anothers_licence_is_no_licence() -> None:
    async with story() as it:
        await it.hear(it.connected())
        identity = (await it.licence())["id"]
        for method, path in (("GET", ""), ("POST", "/off"), ("POST", "/on")):
            theirs = await it.ask(method, f"/licences/{identity}{path}", organisation="org-b", status=404)
            nobodys = await it.ask(method, f"/licences/{'0' * 32}{path}", organisation="org-b", status=404)
            assert theirs["code"] == nobodys["code"] == "licence_not_found"
        assert (await it.ask("GET", "/fees", organisation="org-b"))["licences"] == []


async def test_licences_come_in_pages_and_by_camera() -> None:
    async with story() as it:
        for number in range(5):
            await it.hear(it.connected(camera=f"camera-{number}", device=f"mac:{number}"))
        first = await it.ask("GET", "/licences?limit=3")
        rest = await it.ask("GET", f"/licences?limit=3&cursor={first['next']}")
        assert [one["camera"] for one in first["items"] + rest["items"]] == [f"camera-{n}" for n in range(5)]
        assert rest["next"] is None
        (one,) = (await it.ask("GET", "/licences?camera=camera-3"))["items"]
        assert one["device"] == "mac:3"


async def test_a_clock_moves_forward_only_and_says_so_once() -> None:
    async with story() as it:
        await it.turn_clock(DAY, status=404)
        await it.hear(it.created())
        assert (await it.turn_clock(2 * DAY))["now"] == "2026-03-03T12:00:00Z"
        await it.turn_clock(2 * DAY)
        refused = await it.turn_clock(DAY, status=409)
        assert refused["code"] == "clock_moves_forward_only"
        (moved,) = it.bus.said(ClockMoved)
        assert (moved.ahead_seconds, moved.version) == (2 * 86_400, 1)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.STAFF_ADMIN])
async def test_only_staff_admins_touch_clocks(role: Role) -> None:
    async with story() as it:
        await it.hear(it.created())
        path = f"/test-clocks/{ORGANISATION}"
        await it.ask("PUT", path, {"ahead_seconds": 1}, role=role, status=403)
        await it.ask("GET", path, role=role, status=403)


async def test_a_removal_before_a_clock_was_moved_keeps_its_own_time() -> None:
    async with story() as it:
        await it.hear(it.created(), it.connected())
        it.house.clock.advance(DAY)
        removed = it.removed()  # on 2 March, but heard only after the clock was moved a month ahead
        it.house.clock.advance(DAY)
        await it.turn_clock(40 * DAY)
        await it.hear(removed)
        assert (await it.licence())["ended_at"] == "2026-03-02T12:00:00Z"
        assert (await it.ask("GET", "/fees"))["total"]["seconds"] == 0
