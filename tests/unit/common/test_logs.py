"""What is logged is one line for each event, whatever is in it."""

import json

import pytest
import structlog
from pydantic import SecretStr

from common.settings import Settings
from common.telemetry import set_up_logging

KEY = "A" * 43 + "="


def written(capfd: pytest.CaptureFixture[str], event: str, **fields: str) -> str:
    """All that one event leaves in the log."""
    try:
        set_up_logging("test", Settings(master_key=SecretStr(KEY)))
        structlog.get_logger("t").warning(event, **fields)
    finally:
        structlog.reset_defaults()
    return capfd.readouterr().err


@pytest.mark.parametrize(
    "text",
    ['/x"}\r\n{"event": "signed in"}', "\x1b[2J\x1b]0;title\x07", "a\u2028b\u0085c", "\x00", "ž\U0001f600"],
)
def test_no_value_makes_a_second_line_or_leaves_its_place(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    line, end, more = written(capfd, "asked", path=text).partition("\n")
    told = json.loads(line)
    assert (told["event"], told["path"], end, more) == ("asked", text, "\n", "")
    assert not any(ord(letter) < 32 for letter in line)


def test_a_line_says_when_in_utc_where_and_how_grave(capfd: pytest.CaptureFixture[str]) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", organisation="o1"):
        told = json.loads(written(capfd, "refused"))
    assert told.keys() >= {"timestamp", "level", "event", "service", "request_id", "organisation"}
    assert told["timestamp"].endswith("Z")
