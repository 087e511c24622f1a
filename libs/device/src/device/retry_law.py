"""The retry law of a camera without token (S2:45): at start, every minute five times, then every hour."""

from collections.abc import Iterator

MINUTE, HOUR = 60.0, 3600.0
FAST_RETRIES = 5


def pauses() -> Iterator[float]:
    """Seconds to wait after each request in vain; the first request is made at once (D20)."""
    for _ in range(FAST_RETRIES):
        yield MINUTE
    while True:
        yield HOUR
