"""How the benches read what wrk says, and how they count CPU time."""

import os
import sys
import threading
import time

import pytest

from bench.peers.measure import LoadReport, Sample, UnreadableReportError, cpu_seconds, read_report

SAID = """Running 5s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.49ms    1.21ms  31.80ms   91.06%
    Req/Sec    18.51k     1.09k   20.42k    74.00%
  Latency Distribution
     50%    3.30ms
     75%    3.77ms
     90%    4.46ms
     99%    {p99}
  92053 requests in 5.00s, 24.58MB read
{more}Requests/sec:  18407.61
Transfer/sec:      4.91MB
"""


def test_requests_rate_and_p99_are_read() -> None:
    assert read_report(SAID.format(p99="8.03ms", more="")) == LoadReport(92_053, 18_407.61, 8.03, 0)


@pytest.mark.parametrize(
    ("said", "milliseconds"), [("850.00us", 0.85), ("8.03ms", 8.03), ("1.25s", 1_250), ("1.10m", 66_000)]
)
def test_a_p99_is_in_milliseconds_whatever_unit_it_is_said_in(said: str, milliseconds: float) -> None:
    assert read_report(SAID.format(p99=said, more="")).p99_ms == pytest.approx(milliseconds)


def test_refused_requests_and_broken_connections_are_failures() -> None:
    more = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\n"
    assert read_report(SAID.format(p99="8.03ms", more=more)).failed == 110


@pytest.mark.parametrize("line", ["requests in", "Requests/sec", "99%"])
def test_a_report_without_one_of_the_figures_is_quoted_in_the_error(line: str) -> None:
    said = "\n".join(one for one in SAID.format(p99="8.03ms", more="").splitlines() if line not in one)
    with pytest.raises(UnreadableReportError, match="64 connections"):
        read_report(said)


def test_a_rate_for_a_cpu_second_is_the_other_side_of_a_request_s_cost() -> None:
    assert Sample(per_second=1, cpu_us=500, p99_ms=1, failed=0).per_cpu_second == 2_000


@pytest.mark.skipif(sys.platform != "linux", reason="benches run on Linux")
def test_the_work_of_a_thread_counts_also_when_the_thread_is_gone() -> None:
    def work() -> None:
        while time.thread_time() < 0.1:
            pass

    before = cpu_seconds(os.getpid())
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()

    assert cpu_seconds(os.getpid()) - before >= 0.1
