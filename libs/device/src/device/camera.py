"""The reference camera (docs/camera-protocol.md): knows its id, its secret and one URL; asks until it may
connect, then stays connected. All connections are its own; nothing connects to it (PR-29)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Literal

import aiohttp

from device.digest import Digest
from device.identity import Identity
from device.retry_law import pauses
from device.timing import RealTime, Timer
from device.token import Memory, Token, TokenUnreadable, decrypted

State = Literal["off", "asking", "connecting", "connected", "refused"]
"""`refused`: its token is no longer valid (the camera was removed); it waits for its button or a reset."""
TIMEOUT = aiohttp.ClientTimeout(total=30)
RETRY_CONNECT = (5.0, 10.0, 20.0, 40.0, 60.0)
LONGEST_WAIT = 2 * 3600.0
"""No answer makes the camera silent for longer."""


class Camera:
    """One camera. `run` until cancelled; `state` changes wake whoever waits in `until`."""

    def __init__(
        self,
        identity: Identity,
        url: str,
        session: aiohttp.ClientSession,
        *,
        timer: Timer | None = None,
        memory: Memory | None = None,
        model: str = "Reference Camera",
        firmware: str = "11.0",
    ) -> None:
        self.identity = identity
        self.state: State = "off"
        self.token: Token | None = None
        self.requests = 0
        """Requests for a token since it was made."""
        self.next_request: float | None = None
        """Unix seconds of the next request for a token, while it waits for it."""
        self._url = url.rstrip("/")
        self._session = session
        self._timer = timer or RealTime()
        self._memory = memory or Memory()
        self._about = {"model": model, "firmware": firmware}
        self._digest = Digest(identity.username, identity.secret)
        self._pressed = asyncio.Event()
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Power on."""
        self.token = self._memory.load()
        try:
            while True:
                if self.token is None or self.token.expires_at <= self._timer.now():
                    self._keep(await self._ask_until_given())
                await self._stay_connected()
        finally:
            self.state = "off"

    def press_button(self) -> None:
        """Ask now, and start the fast phase again. Does nothing for a connected camera."""
        if self.state == "refused":
            self._keep(None)
        self._pressed.set()

    def reset(self) -> None:
        """Factory reset: the token is forgotten and the retry law starts anew."""
        self._keep(None)
        self._pressed.set()

    async def until(self, state: State) -> None:
        """Wait until the camera is in this state."""
        await self.when(lambda: self.state == state)

    async def when(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; looked at when the state changes."""
        async with self._changed:
            await self._changed.wait_for(holds)

    async def states(self) -> AsyncIterator[State]:
        """Every state from now on; one that lasts shorter than its reader needs may be missed."""
        told: State | None = None
        while True:
            async with self._changed:
                while self.state == told:
                    await self._changed.wait()
                told = self.state
            yield told

    def _keep(self, token: Token | None) -> None:
        self.token = token
        self._memory.store(token)

    async def _enter(self, state: State) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()

    async def _ask_until_given(self) -> Token:
        await self._enter("asking")
        law = pauses()
        while True:
            self._pressed.clear()
            token, retry_after = await self._ask()
            if token is not None:
                return token
            pause = next(law)
            if await self._wait(pause if retry_after is None else retry_after):
                law = pauses()

    async def _wait(self, seconds: float) -> bool:
        """Sleep; True when the button ended it."""
        self.next_request = self._timer.now() + seconds
        pressed = asyncio.ensure_future(self._pressed.wait())
        asleep = asyncio.ensure_future(self._timer.sleep(seconds))
        try:
            await asyncio.wait({pressed, asleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.next_request = None
            for task in (pressed, asleep):
                task.cancel()
        return self._pressed.is_set()

    async def _ask(self) -> tuple[Token | None, float | None]:
        """One request: the token or None, and when to ask again if the service says so."""
        target = f"/camera/v1/devices/{self.identity.canonical}/token"
        self.requests += 1
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, TokenUnreadable):
            for _ in range(2):  # the second time with the nonce of the challenge
                header = self._digest.header("GET", target)
                headers = {"Authorization": header} if header else {}
                async with self._session.get(
                    self._url + target, headers=headers, timeout=TIMEOUT, allow_redirects=False
                ) as answer:
                    self._digest.informed(answer.headers.get("Authentication-Info"))
                    if answer.status == 200:
                        return self._read(await answer.read()), None
                    challenge = answer.headers.get("WWW-Authenticate", "")
                    if answer.status != 401 or not self._digest.challenged(challenge):
                        return None, _seconds(answer.headers.get("Retry-After"))
        return None, None

    def _read(self, compact: bytes) -> Token:
        return decrypted(compact, self.identity.canonical, self.identity.secret)

    async def _stay_connected(self) -> None:
        """Connect and send heartbeats until the token is gone or expired."""
        await self._enter("connecting")
        attempt = 0
        while self.token is not None and self.token.expires_at > self._timer.now():
            self._pressed.clear()
            heartbeat = await self._connect(self.token)
            if heartbeat == 0:
                await self._enter("refused")
                await self._pressed.wait()
            elif heartbeat is None:
                await self._wait(RETRY_CONNECT[min(attempt, len(RETRY_CONNECT) - 1)])
                attempt += 1
            else:
                attempt = 0
                await self._enter("connected")
                await self._wait(heartbeat)

    async def _connect(self, token: Token) -> float | None:
        """Seconds until the next heartbeat; 0: the token is not valid; None: try again."""
        headers = {"Authorization": f"Bearer {token.access_token}"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            async with self._session.put(
                token.connect, json=self._about, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if answer.status == 401:
                    return 0
                if answer.status == 200:
                    return max(1.0, float((await answer.json())["heartbeat_seconds"]))
        return None


def _seconds(retry_after: str | None) -> float | None:
    """Delay in seconds; the date form is not used by the service."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return min(float(retry_after), LONGEST_WAIT)
