"""What an organisation says about itself."""

from typing import Any

import pytest

from common.contracts.identity import OrganisationChanged


async def test_name_and_preferences_are_changed_and_everybody_hears(portal: Any, ada: str) -> None:
    _, before = await portal.get("organisation", ada)
    assert (before["name"], before["kind"], before["currency"]) == ("Acme s.r.o.", "customer", "CZK")
    change = {
        "name": "Acme a.s.",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "country": "DE",
        "language": "de",
    }
    status, after = await portal.ask("PATCH", "organisation", ada, change)

    assert (status, after) == (200, {**before, **change})
    (event,) = portal.house.bus.said(OrganisationChanged)
    assert (event.name, event.time_zone, event.version) == ("Acme a.s.", "Europe/Berlin", 2)
    _, me = await portal.get("me", ada)
    assert me["organisation"]["name"] == "Acme a.s."


async def test_nothing_is_said_when_nothing_changes(portal: Any, ada: str) -> None:
    assert (await portal.ask("PATCH", "organisation", ada, {"name": "Acme s.r.o."}))[0] == 200
    assert (await portal.ask("PATCH", "organisation", ada, {}))[0] == 200
    assert portal.house.bus.said(OrganisationChanged) == []


@pytest.mark.parametrize(
    "wrong",
    [{"country": "XX"}, {"currency": "XXX"}, {"time_zone": "Mars"}, {"kind": "partner"}, {"owners": []}],
)
async def test_what_is_no_country_currency_or_time_zone_is_refused(
    portal: Any, ada: str, wrong: dict[str, Any]
) -> None:
    status, problem = await portal.ask("PATCH", "organisation", ada, wrong)
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == list(wrong)


async def test_a_viewer_reads_and_does_not_change(portal: Any, ada: str) -> None:
    beta = await portal.second_organisation()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    body = {"code": code, "organisation": beta}
    _, tokens = await portal.post(f"sign-ins/{challenge['id']}/verify", body)
    viewer = tokens["access_token"]

    assert (await portal.get("organisation", viewer))[1]["name"] == "Beta"
    assert (await portal.ask("PATCH", "organisation", viewer, {"name": "Mine"}))[0] == 403
