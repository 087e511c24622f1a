"""The demo is honest: it fails when something is not as told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest
from rich.console import RenderableType

from devstack.demo.money import check_fees
from devstack.demo.news import News
from devstack.demo.stage import NotAsTold, Staff, Stage, check
from devstack.demo.traces import WAY, went_the_way


@dataclass
class Notes:
    """A narrator that remembers."""

    endings: list[NotAsTold | None] = field(default_factory=list)

    def begins(self, number: int, title: str) -> None:
        pass

    def tells(self, did: str, saw: str) -> None:
        pass

    def shows(self, picture: RenderableType) -> None:
        pass

    def ends(self, seconds: float, failure: NotAsTold | None) -> None:
        self.endings.append(failure)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def stage(notes: Notes) -> Stage:
    nobody = cast(aiohttp.ClientSession, None)
    return Stage(nobody, gateway="", camera_port="", catcher="", staff=Staff("", ""), narrator=notes)


def test_a_step_that_is_not_as_told_says_what_was_expected_and_what_came(stage: Stage, notes: Notes) -> None:
    with pytest.raises(NotAsTold), stage.step("counts"):
        check("a sum", 1 + 1, 3)
    [failure] = notes.endings
    assert failure is not None
    assert (failure.what, failure.expected, failure.came) == ("a sum", "3", "2")
    assert stage.steps == 0


def test_a_surprise_in_a_step_is_a_failure_as_well(stage: Stage, notes: Notes) -> None:
    with pytest.raises(NotAsTold), stage.step("reads an answer"):
        raise KeyError("licence")
    [failure] = notes.endings
    assert failure is not None
    assert failure.came == "KeyError: 'licence'"


def fees(as_of: datetime, seconds: int, exact: str, amount: int) -> dict[str, Any]:
    line = {"seconds": seconds, "exact": exact, "amount": amount}
    return {"as_of": as_of.isoformat(), "currency": "EUR", "total": line, "licences": [line]}


def test_a_bill_that_is_right_to_the_second_passes_and_one_second_more_does_not() -> None:
    since = datetime(2026, 12, 22, 6, 0, 0, 700_000, UTC)
    day_later = since + timedelta(days=1)
    assert check_fees(fees(day_later, 86_400, "500/31", 16), since) == 86_400
    with pytest.raises(NotAsTold, match="charged seconds"):
        check_fees(fees(day_later, 86_401, "500/31", 16), since)


def test_of_a_licence_from_last_month_only_this_month_is_on_the_bill() -> None:
    new_year_in_prague = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    since, as_of = new_year_in_prague - timedelta(days=2), new_year_in_prague + timedelta(hours=31)
    assert check_fees(fees(as_of, 31 * 3600, "125/6", 21), since) == 31 * 3600


def way() -> list[dict[str, Any]]:
    return [
        {"span_id": str(number), "parent_id": str(number - 1), "service": service, "name": name}
        for number, (service, name) in enumerate(WAY, 1)
    ]


def test_a_trace_thatwent_the_way_is_known_by_its_stations() -> None:
    assert went_the_way(way())


@pytest.mark.parametrize("missing", range(len(WAY)))
def test_a_trace_with_a_gap_is_not_the_way(missing: int) -> None:
    spans = way()
    del spans[missing]
    assert not went_the_way(spans)


async def frames() -> AsyncIterator[bytes]:
    for line in (b": still here", b"", b"id: 1", b"event: a.v1", b'data: {"camera": "c1"}', b""):
        yield line + b"\n"
    for line in (b"id: 2", b"event: a.v1", b'data: {"camera": "c2", "state": "demo"}', b""):
        yield line + b"\n"


async def test_the_event_stream_is_read_frame_by_frame() -> None:
    news = News()
    await news.read(frames())
    assert await news.wait("a.v1", state="demo") == {"camera": "c2", "state": "demo"}
