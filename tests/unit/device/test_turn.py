"""Which relay a viewer takes from the ICE servers it was given."""

from collections.abc import Mapping
from typing import Any

import pytest

from device.turn import NoRelay, relay_of

STUN = {"urls": ["stun:relay.test:3478"], "username": None, "credential": None}


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("turn:relay.test:3478?transport=udp", ("relay.test", 3478, "udp")),
        ("turn:relay.test?transport=tcp", ("relay.test", 3478, "tcp")),
        ("turn:[2001:db8::1]:5000", ("2001:db8::1", 5000, "udp")),
    ],
)
def test_the_first_turn_server_with_a_credential_is_taken(url: str, where: tuple[str, int, str]) -> None:
    offered: list[Mapping[str, Any]] = [STUN, {"urls": [url], "username": "u", "credential": "c"}]
    assert relay_of(offered) == (*where, "u", "c")


def test_stun_alone_is_no_relay() -> None:
    with pytest.raises(NoRelay):
        relay_of([STUN])
