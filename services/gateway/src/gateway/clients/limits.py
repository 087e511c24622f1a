"""How much of everything one upstream service may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. The defaults suit a service in the same data centre."""

    connections: int = 128
    """Open connections to one service, idle ones included."""
    waiting: int = 512
    """Requests that may queue for a connection; the next one is turned away at once."""
    wait: float = 5.0
    """Seconds a request may stand in that queue."""
    connect: float = 2.0
    first_byte: float = 30.0
    """Seconds from the end of the request to the first byte of its answer."""
    idle: float = 60.0
    """Seconds of silence in the middle of an answer."""
    keep_alive: float = 15.0
    """Seconds an unused connection is kept. Shorter than servers keep theirs: we close first."""
    client_idle: float = 60.0
    """Seconds a client may stall while it sends a body or takes an answer."""
    head: int = 32 * 1024
    """Bytes of an answer's status line and headers."""
    short: int = 64 * 1024
    """Answers up to this many bytes are passed on in one piece; larger ones are streamed."""
    window: int = 256 * 1024
    """Bytes of a streamed answer held for a slow client before reading from the service pauses."""
    body: int = 32 * 1024 * 1024
    """Bytes of a client's body."""
    expect: float = 1.0
    """Seconds to wait for a 100 (Continue) before the body is sent regardless (RFC 9110, 10.1.1)."""
