"""Memories that never grow beyond a limit: what was remembered longest ago goes first."""

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(known: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    """Put it in as the newest; beyond `limit` the oldest is forgotten."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > limit:
        known.popitem(last=False)
