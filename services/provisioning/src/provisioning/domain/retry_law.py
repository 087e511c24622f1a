"""The retry law of S2:45 as the server sees it.

A camera without token asks at power-on, then every minute five times, then every hour. D20 leaves open
whether the first request counts: six requests a minute apart (ours) and five (the other reading) are both
followed without a complaint. The server never trusts that a camera keeps the law; it works out the phase
from when the camera called.
"""

MINUTE, HOUR = 60.0, 3600.0
FAST_RETRIES = 5
SLACK = 180.0
"""Seconds a camera's hour may differ from ours."""
MINUTE_SPREAD = 11
"""In the fast phase a device is asked to come back after 55 to 65 seconds, by its slot (rule 17)."""
PACE, BURST = 50.0, 10
"""One request in 50 s is always fine, and 10 at once (restarts, the button). Beyond that: too fast."""
ADDRESSES = 4
"""Addresses remembered for one device id."""
LONGEST_HOLD = 55.0
"""Seconds a camera may wait on the line (long poll)."""
HELD_GAP, HELD_SPREAD = 1, 5
"""Who waited on the line in vain is back after 1 to 5 seconds, by its slot."""
LET_GO_SPREAD = 30
"""Those let go together (a process that stops) come back to its siblings over so many seconds."""
CROWD_SPREAD = 60
"""Those turned away because their whole network is too fast come back over so many seconds."""


def slot_of(key: int) -> int:
    """The second of the hour in which this device calls, so that a million devices spread evenly."""
    return key % int(HOUR)


class Caller:
    """One device id calling from one address. All times are Unix seconds.

    The address belongs to it so that a stranger who calls with a camera's id neither slows the camera down
    nor uses up its allowance. Mutable and small on purpose: there are hundreds of thousands of these.
    """

    __slots__ = ("_allowance", "_calls", "address", "expected", "last", "other")

    def __init__(self, address: str) -> None:
        self.address = address
        self.last = self.expected = self._allowance = 0.0
        self._calls = 0
        self.other: Caller | None = None
        """The same id, calling from another address."""

    def from_address(self, address: str) -> "Caller":
        """The same device id seen from `address`; the address seen longest ago gives way."""
        before, caller, hops = self, self.other, 1
        while caller is not None and caller.address != address:
            hops += 1
            if hops == ADDRESSES:
                before.other = None
                break
            before, caller = caller, caller.other
        if caller is None or caller.address != address:
            caller = Caller(address)
        elif before is not self:
            before.other = caller.other
        else:
            return caller
        self.other, caller.other = caller, self.other
        return caller

    def latest(self) -> "Caller":
        """Where the id called from last."""
        latest, other = self, self.other
        while other is not None:
            latest, other = (other if other.last > latest.last else latest), other.other
        return latest

    def too_fast(self, now: float) -> float:
        """0, or the seconds to wait for a caller far faster than the law. A call that is fine is counted."""
        allowance = max(now, self._allowance) + PACE
        excess = allowance - now - PACE * BURST
        if excess > 0:
            return excess
        self._allowance = allowance
        return 0.0

    def restart(self) -> None:
        """Its button was pressed, or it says that it was switched on: the fast phase begins anew."""
        self._calls = 0
        self.last = self.expected = 0.0

    def held(self, since: float, now: float, slot: int) -> float:
        """It waited on the line in vain; returns the seconds until it should ask again.

        It is back soon, so that it is on the line nearly all the time, but asks once in `PACE` at most.
        """
        wait = max(HELD_GAP, PACE + 6.0 - (now - since)) + slot % HELD_SPREAD
        self.last, self.expected = now, now + wait
        return wait

    def call(self, now: float, slot: int) -> float:
        """The device asks; returns the seconds until it should ask again."""
        gap = now - self.last
        own_hour = self._calls >= FAST_RETRIES and abs(gap - HOUR) <= SLACK
        as_told = self._calls > FAST_RETRIES and abs(now - self.expected) <= SLACK
        if self._calls <= FAST_RETRIES and MINUTE / 2 <= gap <= MINUTE * 1.5:
            self._calls += 1
        elif own_hour or as_told:
            self._calls = FAST_RETRIES + 1
        else:
            self._calls = 1  # power-on, reset or the button: the law starts anew
        self.last = now
        if self._calls <= FAST_RETRIES:
            wait = MINUTE - MINUTE_SPREAD // 2 + slot % MINUTE_SPREAD
        elif own_hour:
            wait = HOUR  # at its slot already, or it counts its hours itself: then expect what it does
        else:
            wait = (slot - now) % HOUR
            if wait < MINUTE:
                wait += HOUR
        self.expected = now + wait
        return wait
