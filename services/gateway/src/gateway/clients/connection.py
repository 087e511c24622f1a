"""One kept-alive connection to a service: a request out, an answer in, then the next."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from gateway.clients.faults import BadAnswer, Died, Slow
from gateway.clients.limits import Limits
from gateway.clients.reader import AnswerReader, NotHttp

NEVER: Final = float("inf")


class Home(Protocol):
    """Who keeps the connection; told when it closes."""

    name: str
    limits: Limits

    def gone(self, connection: "Connection") -> None: ...

    def give_back(self, connection: "Connection") -> None: ...


class Connection(AnswerReader, asyncio.Protocol):
    """Speaks HTTP/1.1 to one service, one exchange at a time.

    After `begin` the answer arrives in `status`, `head` and, through `take` (short) or `chunk` (streamed),
    its bytes. Whoever breaks off in the middle calls `abort`: a connection with an unfinished exchange is
    never used again.
    """

    def __init__(self, home: Home, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(home.limits)
        self.home = home
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.fault: Exception | None = None
        self.used = 0
        """Exchanges begun on it; from the second one on it may turn out to be closed already."""
        self.idle_since = 0.0
        self.deadline = NEVER
        """Loop time when the pool stops waiting for the service's next move."""
        self.notify: Callable[[], None] | None = None
        """Called when the answer is ready, for who does not wait in a task."""
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._writing_paused = False

    # what an exchange does with it

    def begin(self, request: bytes, *, head_only: bool = False) -> None:
        """Send a request, or as much of it as is here. `head_only`: it is a HEAD, no body will follow."""
        self.next_answer(head_only)
        self.used += 1
        self.deadline = self.loop.time() + self.home.limits.first_byte
        if self.transport is None:
            self.fail(Died(self.home.name, "the connection was closed already"))
        self.write(request)

    def write(self, data: bytes) -> None:
        """Send more of the request. After the connection is lost this does nothing; the fault tells."""
        if self.transport is not None:
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the service takes more of the request; at most `idle` seconds."""
        self.deadline = self.loop.time() + self.home.limits.idle
        if self._writing_paused and self.fault is None:
            self._drained = self.loop.create_future()
            await self._drained

    def waits_for_client(self) -> None:
        """The rest of the request is late: that is not the service's fault."""
        self.deadline = NEVER

    def sent(self) -> None:
        """The whole request is written: from now on the service owes the answer."""
        if not self.complete:
            self.deadline = self.loop.time() + self.home.limits.first_byte

    @property
    def ready(self) -> bool:
        """The answer is complete, or its head is here and its body too long to wait for, or it failed."""
        return self.complete or self.streamed or self.fault is not None

    @property
    def _over(self) -> bool:
        return self.complete or self.fault is not None

    async def answer(self) -> None:
        """Wait for a complete short answer or for the head of a long one. Raises the exchange's fault."""
        while not self.ready:
            await self._wait()
        if self.fault is not None:
            raise self.fault

    async def continued_or_ready(self) -> None:
        """Wait for 100 (Continue) or a final answer."""
        while not self.continued and not self.ready:
            await self._wait()

    async def chunk(self) -> bytes:
        """The next bytes of a streamed answer, b"" at its end. Raises the fault that broke it off."""
        while not self.held:
            if self.fault is not None:
                raise self.fault
            if self.complete:
                return b""
            await self._wait()
        if not self.complete:
            self.deadline = self.loop.time() + self.home.limits.idle
        if self._reading_paused and self.transport is not None:
            self._reading_paused = False
            self.transport.resume_reading()
        return self.take()

    def detach(self, receiver: asyncio.Protocol) -> tuple[asyncio.Transport, bytes]:
        """After 101: the transport, whose bytes go to `receiver` from now on, and those that came early."""
        transport = self.transport
        if transport is None:
            raise BadAnswer(self.home.name, "the connection closed while it was upgraded")
        self.transport = None
        transport.set_protocol(receiver)
        self.home.gone(self)
        return transport, self.take()

    def abort(self) -> None:
        """Close without ceremony; the exchange on it, if any, is given up."""
        self.reusable = False
        self.deadline = NEVER
        if self.transport is not None:
            self.transport.abort()

    def give_back(self) -> None:
        """The exchange ended."""
        self.home.give_back(self)

    def time_out(self) -> None:
        """The deadline passed."""
        self.fail(Slow(self.home.name, "kept silent for too long"))

    def fail(self, fault: Exception) -> None:
        """Give the exchange up because of `fault`, which whoever waits for the answer gets to see."""
        if not self.complete and self.fault is None:
            self.fault = fault
        self.abort()
        self.resume_writing()
        self._wake()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is no subclass of asyncio.Transport

    def data_received(self, data: bytes) -> None:
        if self._over:
            self.abort()  # nobody asked
            return
        try:
            complete = self.feed(data)
        except NotHttp as wrong:
            self.fail(BadAnswer(self.home.name, str(wrong)))
            return
        if complete:
            self.deadline = NEVER
            self._wake()
            return
        if self.status:
            self.deadline = self.loop.time() + self.home.limits.idle
        if self.held > self.home.limits.window and not self._reading_paused and self.transport is not None:
            self._reading_paused = True
            self.transport.pause_reading()
            self.deadline = NEVER  # from here on it is the client who is slow
        if self.streamed or self.continued:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.reusable = False
        if self._over:
            pass
        elif self.received == 0:
            self.fail(Died(self.home.name, "the connection closed before an answer"))
        elif exc is None and self.end():
            self._wake()
        else:
            self.fail(BadAnswer(self.home.name, "the answer broke off"))
        self.resume_writing()
        self.home.gone(self)

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        waiter, self._drained = self._drained, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self.notify is not None and self.ready:
            self.notify()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
