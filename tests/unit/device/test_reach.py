"""The self-test tells what a camera cannot reach, and what to do about it."""

import asyncio
import contextlib
import json
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import reach
from device.reach import Target, plan, targets_of, tried


class TimeServer(asyncio.DatagramProtocol):
    """A time server that is so many seconds ahead; None: it says nonsense."""

    def __init__(self, ahead: float | None) -> None:
        self._ahead = ahead

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._ahead is None:
            self._transport.sendto(b"hello", addr)
            return
        now = time.time() + self._ahead + reach.NTP_EPOCH
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        self._transport.sendto(b"\x24" + bytes(39) + stamp, addr)


async def _time_server(ahead: float | None) -> tuple[asyncio.DatagramTransport, int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: TimeServer(ahead), local_addr=("127.0.0.1", 0)
    )
    return transport, int(transport.get_extra_info("sockname")[1])


@pytest.fixture
async def open_port() -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def test_an_open_port_a_closed_one_and_a_name_that_nobody_knows(open_port: int) -> None:
    targets = [
        Target("tcp", "127.0.0.1", open_port),
        Target("tcp", "127.0.0.1", 1),
        Target("tcp", "nowhere.invalid", 443),
        Target("udp", "127.0.0.1", 5353),
    ]
    good, closed, unknown, untried = await tried(targets)
    assert (good.ok, closed.ok, unknown.ok, untried.ok) == (True, False, False, None)
    assert closed.advice == "Allow outgoing TCP to 127.0.0.1, port 1, in the firewall."
    assert "DNS" in unknown.advice


@pytest.mark.parametrize(
    ("ahead", "ok", "said"),
    [(0.0, True, "answers"), (3600.0, False, "off by -3600"), (None, False, "no time server")],
)
async def test_the_time_server_answers_and_the_clock_is_right(
    ahead: float | None, ok: bool, said: str
) -> None:
    transport, port = await _time_server(ahead)
    [finding] = await tried([Target("ntp", "127.0.0.1", port)])
    transport.close()
    assert (finding.ok, said in finding.text) == (ok, True), finding


async def test_a_silent_server_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.1)
    silent, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    [finding] = await tried([Target("ntp", "127.0.0.1", silent.get_extra_info("sockname")[1])])
    silent.close()
    assert (finding.ok, finding.text) == (False, "no answer")


async def test_tls_on_a_port_that_speaks_none_is_no_success(open_port: int) -> None:
    [finding] = await tried([Target("tls", "127.0.0.1", open_port)])
    assert finding.ok is False


def test_the_firewall_page_becomes_a_plan() -> None:
    data = {
        "firewall": [
            {"protocol": "tcp", "port": 443, "to": "a.example", "purpose": "dispatcher", "text": "..."},
            {"protocol": "tcp", "port": 80, "to": "a.example"},
            {"protocol": "udp", "port": 123, "to": "t.example"},
            {"protocol": "udp", "port": 123, "to": "192.0.2.0/27"},
            {"protocol": "tcp", "port": 1935, "to": ""},
        ],
        "sections": [],
    }
    assert plan(data) == [
        Target("tls", "a.example", 443, "dispatcher"),
        Target("tcp", "a.example", 80),
        Target("ntp", "t.example", 123),
        Target("udp", "192.0.2.0/27", 123),
        Target("some_tcp", "", 1935),
    ]
    assert targets_of("https://c.example", ["t.example"])[0] == Target("tls", "c.example", 443, "the service")


json_values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["firewall", "protocol", "port", "to"]), inner)
    ),
)


@given(json_values)
def test_other_data_is_refused_with_a_reason(data: Any) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(plan(data), list)


async def test_the_command_ends_with_1_when_something_is_closed(open_port: int, tmp_path: Path) -> None:
    file = tmp_path / "firewall.json"
    rules = [{"protocol": "tcp", "port": port, "to": "127.0.0.1"} for port in (open_port, 1)]
    for chosen, status in ((rules[:1], 0), (rules, 1)):
        file.write_text(json.dumps({"firewall": chosen}))
        command = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "device",
            "reach",
            "--data",
            str(file),
            "--json",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await command.communicate()
        assert command.returncode == status
        assert [finding["ok"] for finding in json.loads(out)] == [True, False][: len(chosen)]
