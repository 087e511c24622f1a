"""Reads one answer after another out of a stream of bytes, however the network cut it."""

from collections import deque
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.clients.headers import AnswerHead, Header, sort_answer
from gateway.clients.limits import Limits

_UNREAD: Final = AnswerHead(b"", None, False, False)
_NO_BODY: Final = frozenset({101, 204, 304})


class NotHttp(Exception):
    """The bytes are no acceptable answer; the text says why."""


class AnswerReader:
    """The state of the answer that is being read. httptools calls the `on_...` methods.

    httptools (llhttp) because it reads the RFC strictly and costs least: a 53-byte answer with six headers
    takes 1.2 us, with aiohttp's own response parser 3.2, with a regular expression 3.7.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = HttpResponseParser(self)
        self.next_answer(head_only=False)
        self.complete = True

    def next_answer(self, head_only: bool) -> None:
        """Forget the last answer. `head_only`: the next one answers a HEAD, whatever its length says."""
        self.status = 0
        """0 until the head of the final answer is here."""
        self.head = _UNREAD
        self.complete = False
        self.continued = False
        """The service said 100 (Continue)."""
        self.streamed = False
        """The body is too long, or too unsure, to wait for."""
        self.reusable = False
        """Ended cleanly, with nothing surplus behind it, and the service keeps the connection."""
        self.received = 0
        """Bytes so far, of any kind."""
        self.held = 0
        """Bytes of the body that nobody took yet."""
        self._head_only = head_only
        self._headers: list[Header] = []
        self._chunks: deque[bytes] = deque()

    def feed(self, data: bytes) -> bool:
        """Take bytes off the wire; True when the answer is complete now.

        Raises NotHttp; rubbish behind a complete answer only spoils the connection.
        """
        heading = self.status == 0
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._chunks.append(data[upgrade.args[0] :])
            self.complete = True
        except HttpParserError as error:
            self.reusable = False
            if not self.complete:
                raise NotHttp(f"not HTTP: {error.__context__ or error}") from None
        if heading and self.received > self._limits.head:
            self._weigh_head()
        return self.complete

    def end(self) -> bool:
        """The service closed in good order. True when that is how this answer ends (it had no length)."""
        if self.status and self.head.length is None and not self.head.chunked:
            self.complete = True
        return self.complete

    def take(self) -> bytes:
        """All bytes of the body that are here: the whole of a complete answer."""
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.held = 0
        return data

    def _weigh_head(self) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in self._headers)
        if self.status == 0 or size > self._limits.head:
            self.complete = self.reusable = False
            self._chunks.clear()
            raise NotHttp("the head of its answer is too large")

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status == 0:  # else a trailer, which is dropped
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.status:
            return
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._headers.clear()
            self.continued = self.continued or status == 100
            return
        if status > 599:
            raise ValueError("no such status")
        self.status = status
        self.head = head = sort_answer(self._headers)
        if self._head_only:
            self.complete = True
            self.reusable = not head.close and self._parser.get_http_version() == "1.1"
            self._parser = HttpResponseParser(self)  # the old one would wait for the body that HEAD has not
        elif head.length is None or head.length > self._limits.short:
            self.streamed = status not in _NO_BODY

    def on_body(self, body: bytes) -> None:
        if self.complete:
            self.reusable = False
            return
        self._chunks.append(body)
        self.held += len(body)

    def on_message_complete(self) -> None:
        if not self.complete and self.status >= 200:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()
