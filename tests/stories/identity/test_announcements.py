"""What other services tell becomes mails for the right people, in their language, once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.contracts.relay import AllowanceCrossed
from common.ids import OrganisationId


def crossed(organisation: str, percent: Any) -> AllowanceCrossed:
    return AllowanceCrossed(
        organisation=OrganisationId(organisation),
        version=1,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        period="2026-03",
        percent=percent,
        used_bytes=240_000_000_000,
        allowance_bytes=300_000_000_000,
    )


async def told(portal: Any, *events: Any) -> None:
    portal.house.bus.publish(events)
    await portal.house.bus.deliver()


@pytest.fixture
async def acme(portal: Any) -> str:
    await portal.with_account()
    tokens = await portal.signed_in()
    return str(tokens["organisation"])


async def test_an_administrator_is_told_in_their_language(portal: Any, acme: str) -> None:
    await told(portal, crossed(acme, 80))
    letter = await portal.mailbox.next()
    assert letter.to == "ada@acme.example"
    assert letter.subject == "Využito 80 % přenesených dat na tento měsíc"
    assert "Acme s.r.o." in letter.text
    assert "240 GB z 300 GB" in letter.text


async def test_who_only_looks_is_not_told(portal: Any, acme: str) -> None:
    other = await portal.second_organisation()
    await told(portal, crossed(other, 80), crossed(acme, 100))
    letter = await portal.mailbox.next()
    assert letter.subject == "Přenesená data na tento měsíc jsou vyčerpána"
    assert portal.mailbox.letters.empty()


async def test_an_event_that_comes_twice_is_announced_once(portal: Any, acme: str) -> None:
    portal.house.bus.publish([crossed(acme, 50)])
    portal.house.bus._queue.append(portal.house.bus._queue[-1])
    await portal.house.bus.deliver()
    await portal.mailbox.next()
    assert portal.mailbox.letters.empty()
