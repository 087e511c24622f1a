"""On-site servers: Green, outdated, lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.ids import OrganisationId, ServerId
from relay.domain.servers import HEARTBEAT_EVERY, LOST_AFTER, Server, is_supported, register

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def registered() -> tuple[Server, str]:
    server, _, credential = register(ServerId("s1"), OrganisationId("org-a"), "Main gate", "6.8", NOW)
    return server, credential


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("6.8", True),
        ("6.8.0", True),
        ("6.10", True),
        ("7.0", True),
        ("6.7.99", False),
        ("5.12", False),
        ("", False),
    ],
)
def test_version_6_8_is_the_oldest_that_becomes_green(version: str, supported: bool) -> None:
    assert is_supported(version) is supported


def test_only_a_hash_of_the_credential_is_kept() -> None:
    server, credential = registered()
    assert len(credential) >= 43  # 32 bytes in base64
    assert credential.encode() not in server.credential_hash
    assert server.accepts(credential)
    assert not server.accepts(credential[:-1])
    assert not replace(server, status="removed").accepts(credential)


def test_the_first_heartbeat_makes_it_green() -> None:
    server, event = registered()[0].heard("6.8.1", NOW)
    assert event is not None
    assert (server.status, event.status, event.version) == ("green", "green", 2)


def test_an_old_version_is_outdated_until_it_is_updated() -> None:
    server, _ = registered()[0].heard("6.7", NOW)
    assert server.status == "outdated"
    server, event = server.heard("6.8", NOW)
    assert event is not None
    assert event.status == "green"


def test_most_heartbeats_are_not_worth_writing_down() -> None:
    server, _ = registered()[0].heard("6.8", NOW)
    written, now = 0, NOW
    for _ in range(40):  # ten minutes
        now += HEARTBEAT_EVERY
        heard, event = server.heard("6.8", now)
        assert event is None
        assert heard.status_at(now) == "green"
        written += heard is not server
        server = heard
    assert written <= 14


def test_silence_makes_it_lost_and_a_heartbeat_green_again() -> None:
    server, _ = registered()[0].heard("6.8", NOW)
    assert server.silent(NOW + LOST_AFTER - timedelta(seconds=1)) == (server, None)
    assert server.status_at(NOW + LOST_AFTER) == "lost"
    lost, event = server.silent(NOW + LOST_AFTER)
    assert event is not None
    assert (lost.status, lost.due_at) == ("lost", None)
    green, event = lost.heard("6.8", NOW + LOST_AFTER)
    assert event is not None
    assert green.status == "green"
