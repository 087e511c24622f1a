"""How polls were answered, as a metric: plain integers, where a prometheus counter takes a lock."""

from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

counts = {
    "not_yet": 0,
    "held": 0,
    "delivered": 0,
    "certified": 0,
    "challenged": 0,
    "too_fast": 0,
    "no_place": 0,
}
"""Outcome -> polls of this process so far."""


class _PollCounts(Collector):
    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "vedette_provisioning_polls", "Cameras asking for a token", labels=["outcome"]
        )
        for outcome, count in counts.items():
            family.add_metric([outcome], count)
        yield family


REGISTRY.register(_PollCounts())
