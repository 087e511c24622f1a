"""The answer that nearly every poll gets, written as bytes at once.

aiohttp's general way (headers in a multi-dict, defaults, serialising) costs a quarter of such a poll. This
one says the same for the usual request, HTTP/1.1 kept alive; any other request gets the general answer.
"""

from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

SERVER = "Vedette"


class NotYet(web.StreamResponse):
    """204 with `Retry-After` and the nonce for the next poll."""

    __slots__ = ("_wire",)
    _date: tuple[int, str] = (0, "")

    def __init__(self, retry_after: int, next_nonce: str, now: float) -> None:
        super().__init__(status=204)
        self._wire = (
            "HTTP/1.1 204 No Content\r\n"
            f"Retry-After: {retry_after}\r\n"
            f'Authentication-Info: nextnonce="{next_nonce}"\r\n'
            f"Date: {self._http_date(int(now))}\r\nServer: {SERVER}\r\n\r\n"
        )

    @classmethod
    def suits(cls, request: web.BaseRequest) -> bool:
        return request.version == HttpVersion11 and request.keep_alive

    @classmethod
    def _http_date(cls, second: int) -> str:
        """One text for all answers of a second."""
        known, text = cls._date
        if known != second:
            text = formatdate(second, usegmt=True)
            NotYet._date = (second, text)
        return text

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the camera is gone")
        if self._keep_alive is None:
            self._keep_alive = True
        wire = self._wire if self._keep_alive else self._wire[:-2] + "Connection: close\r\n\r\n"
        request.transport.write(wire.encode("ascii"))
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""
