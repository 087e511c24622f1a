"""Why an exchange with a service failed, in the words the client will read."""


class UpstreamFault(Exception):
    """A service did not give a usable answer. `status` and `code` go into the problem the client gets."""

    status = 502
    code = "bad_gateway"

    def __init__(self, service: str, why: str) -> None:
        super().__init__(f"{service}: {why}")
        self.service = service
        self.why = why


class Unreachable(UpstreamFault):
    """No connection could be made: the service is down or not there yet."""

    status = 503
    code = "service_unavailable"


class Crowded(UpstreamFault):
    """Every connection is in use and the queue for one is full, or the wait in it took too long."""

    status = 503
    code = "service_busy"


class Slow(UpstreamFault):
    """The service took the request and then kept silent for too long."""

    status = 504
    code = "service_timeout"


class BadAnswer(UpstreamFault):
    """The service answered something that is not HTTP, too large a head, or broke off in the middle."""


class Died(BadAnswer):
    """The connection closed before a single byte of the answer: the request may not have been seen at all."""


class ClientGone(ConnectionError):
    """The client left or stalled; nobody is there to read an answer. aiohttp closes the connection."""


class TooLarge(Exception):
    """The client's body is longer than the gateway lets through (`limit` in bytes)."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"body longer than {limit} bytes")
        self.limit = limit


class TooSlow(Exception):
    """The client announced a body and stopped sending it."""
