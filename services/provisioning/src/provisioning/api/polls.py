"""What a camera without a token asks, again and again: let in, looked for, perhaps held, answered."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from common.clock import Clock
from provisioning.api import digest_header
from provisioning.api.nonces import Nonces
from provisioning.api.not_yet import NotYet
from provisioning.api.poll_counts import counts
from provisioning.domain import Caller, DeviceId, Proof, slot_of
from provisioning.domain.retry_law import CROWD_SPREAD, LET_GO_SPREAD, LONGEST_HOLD
from provisioning.service import HeldPolls, KnownDevices, NetworkPace, WaitingRoom
from provisioning.service.held_polls import Line
from provisioning.service.waiting_room import key_of

NOBODY = bytes(32)
"""Stands for the user hash where there is none, so that every poll costs the same computing."""
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,4})(?:$|[,;\s])", re.IGNORECASE)

Look = Callable[[float], Awaitable[web.Response | None]]
"""Looks once for what the camera asks for; is given the Unix seconds of the camera's next request."""


@dataclass(slots=True)
class Asked:
    """One question of a camera that was let in: not too fast, with a proof whose nonce is ours."""

    device: DeviceId
    key: int
    address: str
    caller: Caller
    proof: Proof
    now: float


class Polls:
    def __init__(
        self,
        known: KnownDevices,
        room: WaitingRoom,
        held: HeldPolls,
        pace: NetworkPace,
        nonces: Nonces,
        clock: Clock,
    ) -> None:
        self._known = known
        self._room = room
        self._held = held
        self._pace = pace
        self._nonces = nonces
        self._clock = clock

    def enter(self, request: web.BaseRequest, device: DeviceId, target: str) -> Asked | web.Response:
        """Who may ask; else the answer: challenged, or too fast (alone, or with its whole network)."""
        now, address, key = self._clock.timestamp(), request.remote or "", key_of(device)
        if crowded := self._pace.too_fast(address, now):
            return self._too_fast(crowded + 1 + slot_of(key) % CROWD_SPREAD, now)
        proof = digest_header.read(request.headers.get("Authorization"), target, request.method)
        if proof is None or not self._nonces.fresh(proof.nonce, now):
            counts["challenged"] += 1
            challenge = digest_header.challenge(self._nonces.new(now), stale=proof is not None)
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        caller = self._room.caller(key, address)
        if too_fast := caller.too_fast(now):
            return self._too_fast(too_fast, now)
        return Asked(device, key, address, caller, proof, now)

    async def answer(self, request: web.BaseRequest, asked: Asked, look: Look) -> web.StreamResponse:
        """What `look` finds, at once or while the camera waits on the line; else "not yet"."""
        wait = asked.caller.call(asked.now, slot_of(asked.key))
        seconds = _seconds_to_hold(request)
        line = self._held.take(asked.key, asked.address) if seconds else None
        if line is not None:
            try:
                return await self._on_the_line(asked, line, seconds, look)
            finally:
                self._held.back(asked.key, line)
        found = await self._look(asked, look, asked.now + wait)
        if found is not None:
            return found
        counts["not_yet"] += 1
        if NotYet.suits(request):
            return NotYet(int(wait) + 1, self._nonces.new(asked.now), asked.now)
        return web.Response(status=204, headers=self.again(wait, asked.now))

    async def _on_the_line(self, asked: Asked, line: Line, seconds: float, look: Look) -> web.StreamResponse:
        until = asyncio.get_running_loop().time() + seconds
        while True:
            # The line was taken before the first look: a claim made in between has rung it.
            found = await self._look(asked, look, asked.now + seconds)
            if found is not None:
                return found
            if not await line.rings(until - asyncio.get_running_loop().time()):
                break
        now, slot = self._clock.timestamp(), slot_of(asked.key)
        wait = asked.caller.held(asked.now, now, slot)
        if self._held.closing:
            wait = float(slot % LET_GO_SPREAD)
        counts["held"] += 1
        applied = {"Preference-Applied": f"wait={int(seconds)}"}
        return web.Response(status=204, headers={**self.again(wait, now), **applied})

    async def _look(self, asked: Asked, look: Look, next_poll: float) -> web.Response | None:
        if asked.key not in self._known:
            asked.proof.answers(NOBODY)
            return None
        # A camera that leaves while its token is being saved leaves the saving alone.
        return await asyncio.shield(look(next_poll))

    def again(self, wait: float, now: float) -> Mapping[str, str]:
        """When to come back, and with which nonce."""
        return {"Retry-After": str(int(wait) + 1), **self.next_nonce(now)}

    def next_nonce(self, now: float | None = None) -> Mapping[str, str]:
        """For the next question, so that it needs no challenge."""
        nonce = self._nonces.new(self._clock.timestamp() if now is None else now)
        return {"Authentication-Info": f'nextnonce="{nonce}"'}

    def _too_fast(self, wait: float, now: float) -> web.Response:
        counts["too_fast"] += 1
        return web.Response(status=429, headers=self.again(wait, now))


def _seconds_to_hold(request: web.BaseRequest) -> float:
    """`Prefer: wait=55` (RFC 7240); 0: the camera does not want to wait on the line."""
    prefer = request.headers.get("Prefer")
    if prefer is None:
        return 0.0
    wanted = _WAIT.search(prefer[:200])
    return min(float(wanted[1]), LONGEST_HOLD) if wanted else 0.0
