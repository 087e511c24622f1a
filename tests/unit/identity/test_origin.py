"""X-Forwarded-For is believed as far as a trusted proxy wrote it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from identity.api.origin import Origins


class _Transport:
    """The least of a connection that a request asks about."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._peer, 40000) if name == "peername" else default


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7/32"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7/32"),  # the first one is only claimed
        ("127.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7/32"),
        ("198.51.100.1", "203.0.113.7", "198.51.100.1/32"),  # not a proxy of ours
        ("127.0.0.1", "nonsense", "127.0.0.1/32"),
        ("127.0.0.1", "", "127.0.0.1/32"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7/32"),
    ],
)
def test_where_a_request_comes_from(peer: str, forwarded: str, address: str) -> None:
    request = make_mocked_request(
        "POST", "/", headers={"X-Forwarded-For": forwarded}, transport=_Transport(peer)
    )
    origin = Origins(["127.0.0.0/8", "10.0.0.0/8"]).of(request)

    assert origin.address == address


def test_lines_of_one_name_are_one_list() -> None:
    headers = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "203.0.113.7")]
    request = make_mocked_request(
        "POST", "/", headers=CIMultiDict(headers), transport=_Transport("127.0.0.1")
    )

    assert Origins(["127.0.0.0/8"]).of(request).address == "203.0.113.7/32"


def test_an_agent_is_shortened_and_printable() -> None:
    headers = {"User-Agent": "Browser\u0085" + "x" * 500}
    request = make_mocked_request("GET", "/", headers=headers, transport=_Transport("127.0.0.1"))

    assert Origins([]).of(request).agent == "Browser" + "x" * 192
