"""The reference camera (docs/camera-protocol.md): knows its id, its secret and one URL; asks until it may
connect, then stays connected. All connections are its own; nothing connects to it (PR-29)."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Literal

import aiohttp

from device import one_click
from device.asking import TIMEOUT, Reply, Server
from device.by_code import add_itself
from device.digest import Digest
from device.identity import Identity
from device.lens import read as read_by_lens
from device.one_click import Home
from device.retry_law import FAST_RETRIES, HOUR, pauses
from device.timing import RealTime, Timer, woken
from device.token import Memory, Token, TokenUnreadable, decrypted

State = Literal["off", "asking", "connecting", "connected", "refused"]
"""`refused`: its token is no longer valid (the camera was removed); it waits for its button or a reset."""
RETRY_CONNECT = (5.0, 10.0, 20.0, 40.0, 60.0)
ASK_AGAIN = -1.0


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
        wait: int = 0,
        dispatcher: bool = False,
        trust: str | None = None,
    ) -> None:
        """`wait`: seconds it is ready to be kept on the line. `dispatcher`: `url` is the dispatcher's.
        `trust`: file with the authorities of the servers it talks to; else the system's."""
        self.identity = identity
        self.state: State = "off"
        self.token: Token | None = None
        self.home: Home | None = None
        self.requests = 0
        """Requests for a token since it was made."""
        self.in_vain = 0
        """Requests in vain since the law began (anew)."""
        self.answers: Counter[str] = Counter()
        """How those requests were answered: by status, or `none`."""
        self.next_request: float | None = None
        """Unix seconds of the next request for a token, while it waits for it."""
        self._timer = timer or RealTime()
        self._memory = memory or Memory()
        self._about = {"model": model, "firmware": firmware}
        self._wait_on_line = wait
        self._trust = trust
        tls = ssl.create_default_context(cafile=trust) if trust else None
        self._first = self._server = Server(session, url.rstrip("/"), tls)
        self._dispatcher = Digest(identity.username, identity.secret) if dispatcher else None
        self._digest = Digest(identity.username, identity.secret)
        self._event: str = "power_on"
        self._code: str | None = None
        self._pressed, self._changed = asyncio.Event(), asyncio.Condition()

    @property
    def phase(self) -> str:
        """`state`, and for a camera that asks how often: what a table of many cameras shows."""
        if self.state != "asking":
            return self.state
        return "asking every minute" if self.in_vain <= FAST_RETRIES else "asking every hour"

    async def run(self) -> None:
        """Power on."""
        self.token, self._event = self._memory.load(), "power_on"
        if home := self._memory.load_home():
            self._go_home(home)
        try:
            while True:
                if self.token is None or self.token.expires_at <= self._timer.now():
                    await self._enter("asking")
                    self._keep(await self._ask_until_given())
                await self._stay_connected()
        finally:
            self.state = "off"

    def press_button(self) -> None:
        """Ask now, and start the fast phase again. Does nothing for a connected camera."""
        if self.state == "refused":
            self._keep(None)
        self._event = "button"
        self._pressed.set()

    def show(self, text: str) -> bool:
        """Hold a QR code before the lens; a camera that has a token looks at none."""
        setup = read_by_lens(text)
        if setup is None or self.token is not None:
            return False
        if setup.url:
            self._server = Server(self._first.session, setup.url.rstrip("/"), self._first.tls)
        self._code = setup.code
        self._pressed.set()
        return True

    def reset(self) -> None:
        """Factory reset: token and home are forgotten and the retry law starts anew."""
        self._code = None
        self._keep(None)
        self._memory.store_home(None)
        self._go_home(None)
        self._event = "power_on"
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

    def _go_home(self, home: Home | None) -> None:
        self.home, self._server = home, self._first
        if home is not None:
            self._server = Server(self._first.session, home.url, home.tls(self._trust) or self._first.tls)
            self._memory.store_home(home)

    async def _enter(self, state: State) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()

    async def _ask_until_given(self) -> Token:
        """Ask by the retry law; the button begins it anew."""
        law, self.in_vain = pauses(), 0
        while True:
            self._pressed.clear()
            self.requests += 1
            token, reply = await self._ask()
            self.answers["none" if reply is None else str(reply.status)] += 1
            if token is not None:
                return token
            self.in_vain += 1
            pause = next(law)
            told = None if reply is None else reply.retry_after
            if await self._wait(pause if told is None else told):
                law, self.in_vain = pauses(), 0

    async def _wait(self, seconds: float) -> bool:
        """Sleep; True when the button ended it."""
        self.next_request = self._timer.now() + seconds
        try:
            return await woken(self._timer, seconds, self._pressed)
        finally:
            self.next_request = None

    async def _ask(self) -> tuple[Token | None, Reply | None]:
        """The token at home; on the first contact the dispatcher for the way home."""
        if self._code is not None and await add_itself(self._first, self._digest, self.identity, self._code):
            self._code = None
        if self._dispatcher is not None and self.home is None:
            home, reply = await self._ask_the_dispatcher(self._dispatcher)
            if home is None:
                return None, reply
            self._go_home(home)
        target = f"/camera/v1/devices/{self.identity.canonical}/token"
        reply = await self._server.ask(self._digest, "GET", target, wait=self._wait_on_line)
        if reply is None or reply.status != 200:
            return None, reply
        try:
            return decrypted(reply.body, self.identity.canonical, self.identity.secret), reply
        except TokenUnreadable:
            return None, None

    async def _ask_the_dispatcher(self, digest: Digest) -> tuple[Home | None, Reply | None]:
        key, event, self._event = one_click.new_key(), self._event, ""
        body = {"csr": one_click.signing_request(key, self.identity)} | ({"event": event} if event else {})
        reply = await self._first.ask(
            digest, "POST", one_click.target(self.identity), body=body, wait=self._wait_on_line
        )
        if reply is None or reply.status != 200:
            return None, reply
        return Home.read(reply.body, key, self._timer.now()), None

    async def _stay_connected(self) -> None:
        """Connect and send heartbeats until the token is gone or expired."""
        await self._enter("connecting")
        attempt, renewing = 0, 0.0
        while self.token is not None and self.token.expires_at > self._timer.now():
            self._pressed.clear()
            if self.home and self._dispatcher and max(self.home.renew_at, renewing) <= self._timer.now():
                renewing, self._event = self._timer.now() + HOUR, "renewal"
                self._go_home((await self._ask_the_dispatcher(self._dispatcher))[0] or self.home)
            heartbeat = await self._connect(self.token)
            if heartbeat == ASK_AGAIN:
                self._keep(None)
            elif heartbeat == 0:
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
        """Seconds until the next heartbeat; 0: the token is not valid; `ASK_AGAIN`: and there is another one;
        None: try again."""
        headers = {"Authorization": f"Bearer {token.access_token}"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            async with self._first.session.put(
                token.connect,
                json=self._about,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                allow_redirects=False,
                ssl=self._server.tls or True,
            ) as answer:
                if answer.status == 401:
                    return ASK_AGAIN if "Retry-After" in answer.headers else 0
                if answer.status == 200:
                    return max(1.0, float((await answer.json())["heartbeat_seconds"]))
        return None
