"""coturn's log, as recorded from coturn 4.6.1: two sessions, a wrong password, a restart, one session."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.clients.coturn import HEAD, CoturnLog, parse
from relay.domain.metering import Closed, Fact, Forwarded, Meter, NodeStarted, Opened
from relay.service.metering import Reading

RECORDED = Path(__file__).parent / "recorded" / "coturn-4.6.1.log"


def read_all(log: CoturnLog, meter: Meter) -> tuple[Meter, dict[str, int]]:
    """The meter at the end of the log, and the last cumulative figure of each allocation."""
    last: dict[str, int] = {}
    while (reading := log.read(meter.position)) is not None:
        meter, samples = meter.read(reading.facts, reading.position)
        last |= {sample.allocation: sample.forwarded_bytes for sample in samples}
    return meter, last


def test_what_coturn_sent_to_both_sides_is_counted_and_nothing_else() -> None:
    meter, last = read_all(CoturnLog(RECORDED), Meter("node"))
    first = 224_224 + 2_230_800 + 137_340 + 1_369_200
    assert list(last.values()) == [first, first, 364 + 100]
    assert meter.live == {}


def test_a_session_id_that_comes_back_after_a_restart_is_another_allocation() -> None:
    _, last = read_all(CoturnLog(RECORDED), Meter("node"))
    assert len(last) == 3
    assert all(allocation.startswith("node.") for allocation in last)


def test_samples_say_whose_bytes_they_are_and_when() -> None:
    reading = CoturnLog(RECORDED).read(None)
    assert reading is not None
    _, samples = Meter("node").read(reading.facts, reading.position)
    assert {(sample.organisation, sample.session) for sample in samples} == {("org-a", "0198c0ffee")}
    assert samples[0].at == datetime(2026, 11, 22, 5, 20, 57, tzinfo=UTC)


AT = b"2026-11-22T05:20:56+0000: session 000000000000000001: "
USER = b"realm=<vedette>, username=<1:org-a.s-0011223344556600>"


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (b"2026-11-22T05:20:54+0000: Total General servers: 2", NodeStarted()),
        (
            AT + b"new, " + USER + b", lifetime=600",
            Opened("0" * 17 + "1", "1:org-a.s-0011223344556600", "here"),
        ),
        (
            AT + b"peer usage: " + USER + b", rp=1, rb=2, sp=3, sb=4",
            Forwarded("0" * 17 + "1", datetime(2026, 11, 22, 5, 20, 56, tzinfo=UTC), 4),
        ),
        (AT + b"delete: " + USER, Closed("0" * 17 + "1")),
        (AT + b"refreshed, " + USER + b", lifetime=0", None),
        (b"Version Coturn-4.6.1 'Gorst'", None),
        (b"", None),
    ],
)
def test_each_line_that_matters_is_one_fact(line: bytes, fact: Fact | None) -> None:
    assert parse(line, "here") == fact


def test_a_user_name_that_looks_like_a_log_line_is_no_fact() -> None:
    forged = (
        b"ERROR: check_stun_auth: Cannot find credentials of user <" + AT + b"new, " + USER + b", lifetime=1>"
    )
    assert parse(b"2026-11-22T05:20:56+0000: " + forged, "here") is None
    inside = b"realm <vedette> user <x>: usage: " + USER + b", rp=1, rb=1, sp=1, sb=999999"
    assert parse(AT + inside, "here") is None


def test_traffic_of_a_session_that_was_never_opened_is_nobodys() -> None:
    stranger = (AT + b"usage: " + USER + b", rp=9, rb=9800000, sp=9, sb=9800000", AT + b"delete: " + USER)
    facts = [fact for line in stranger if (fact := parse(line, "here"))]
    reading = CoturnLog(RECORDED).read(None)
    assert reading is not None
    assert Meter("node").read(facts, reading.position)[1] == []


def _usage(session: int, sent: int) -> bytes:
    return b"2026-11-22T06:00:00+0000: session %018d: usage: %s, rp=1, rb=1, sp=1, sb=%d\n" % (
        session,
        USER,
        sent,
    )


def _begin(name: bytes) -> bytes:
    begun = b"2026-11-22T05:00:00+0000: log file opened: /var/log/" + name * 4 + b"\n"
    assert len(begun) >= HEAD
    new = b"2026-11-22T05:00:02+0000: session 000000000000000001: new, " + USER + b", lifetime=600\n"
    return begun + b"2026-11-22T05:00:01+0000: Total General servers: 2\n" + new


def test_a_half_written_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "turn.log"
    line = _usage(1, 100)
    path.write_bytes(_begin(b"turn.log") + line[:40])
    log = CoturnLog(path)
    meter, last = read_all(log, Meter("node"))
    assert last == {}
    with path.open("ab") as file:
        file.write(line[40:])
    assert list(read_all(log, meter)[1].values()) == [100]


def test_a_renamed_log_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "turn.log"
    path.write_bytes(_begin(b"turn.log") + _usage(1, 100))
    log = CoturnLog(path)
    meter, last = read_all(log, Meter("node"))
    old = path.rename(tmp_path / "turn.log.1")
    with old.open("ab") as file:  # coturn writes there until it is told to reopen
        file.write(_usage(1, 20))
    meter, last = read_all(log, meter)
    assert list(last.values()) == [120]
    with old.open("ab") as file:
        file.write(_usage(1, 3))
    path.write_bytes(
        b"2026-11-22T07:00:00+0000: log file opened: /var/log/turn.log, anew\n" + _usage(1, 4000)
    )
    meter, last = read_all(log, meter)
    assert list(last.values()) == [4123]


def test_a_log_that_began_anew_under_the_same_name_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "turn.log"
    path.write_bytes(_begin(b"turn.log") + _usage(1, 100) * 20)
    log = CoturnLog(path)
    meter, _ = read_all(log, Meter("node"))
    path.write_bytes(_begin(b"TURN.LOG") + _usage(1, 7))  # the same inode
    assert list(read_all(log, meter)[1].values()) == [7]


def test_an_absent_or_empty_log_says_nothing(tmp_path: Path) -> None:
    log = CoturnLog(tmp_path / "turn.log")
    assert log.read(None) is None
    (tmp_path / "turn.log").write_bytes(b"")
    assert log.read(None) is None


def test_a_backlog_across_midnight_gives_each_month_its_own_sample() -> None:
    at = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    reading: Reading | None = CoturnLog(RECORDED).read(None)
    assert reading is not None
    facts: list[Fact] = [
        Opened("1", "1:org-a.s-0011223344556600", "here"),
        Forwarded("1", at, 10),
        Forwarded("1", midnight, 5),
    ]
    _, samples = Meter("node").read(facts, reading.position)
    assert [(sample.at, sample.forwarded_bytes, sample.version) for sample in samples] == [
        (at, 10, 1),
        (midnight, 15, 2),
    ]
