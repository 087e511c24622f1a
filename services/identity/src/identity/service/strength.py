"""Measuring how soon a password would be guessed, off the event loop and within bounds."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zxcvbn import zxcvbn

from common.errors import Unavailable
from identity.domain.guesses import OURS
from identity.domain.names import refused_for
from identity.domain.strength import Hint, Strength, mixed

LOOKED_AT = 40
"""Characters: what is longer is not measured further. Measuring is quadratic in the length."""
SUBSTITUTES, FEW = frozenset("4@8({[<369&#!1/|0$5+7%2"), 5
"""Signs that stand for letters (p@ssw0rd). zxcvbn tries all their readings together, a second's work for a
password full of them; more than a few different ones are not read as letters."""
ROOM = 16
"""Passwords measured or waiting at a time, at up to 25 ms each."""
GOOD = 3
_DICTIONARIES: dict[str, Hint] = {"user_inputs": "about_you", "passwords": "common"}
_PATTERNS: dict[str, Hint] = {
    "spatial": "keyboard",
    "repeat": "repeated",
    "sequence": "sequence",
    "date": "date",
    "regex": "date",
}


class StrengthMeter:
    """`Unavailable` when too many ask at once: it is advice, nothing waits for it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "strength", initializer=_step_back)
        self._busy = 0

    async def open(self) -> None:
        """The thread starts with the first password."""

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    async def measure(self, password: str, about: tuple[str, ...]) -> Strength:
        """`about`: what others know of the person (username, e-mail address, name)."""
        if self._busy >= ROOM:
            raise Unavailable("busy", "Too many people are choosing passwords just now", retry_after=2)
        self._busy += 1
        work = asyncio.get_running_loop().run_in_executor(self._pool, measure, password, about)
        # The place is given back when the thread is done, also when the client has gone meanwhile.
        work.add_done_callback(lambda _: self._leave())
        return await asyncio.shield(work)

    def _leave(self) -> None:
        self._busy -= 1


def measure(password: str, about: tuple[str, ...]) -> Strength:
    refusal = refused_for(password, about)
    if refusal in {"too_short", "too_long"}:
        return Strength(score=0, accepted=False, hints=(refusal,))
    found = zxcvbn(
        _bounded(password), user_inputs=[part for word in (*OURS, *about) for part in _parts(word)]
    )
    if found["score"] >= GOOD and refusal is None:
        return Strength(score=found["score"], accepted=True, hints=("good",))
    weak = [_hint(match) for match in found["sequence"] if match["pattern"] != "bruteforce"]
    if refusal is not None:
        return Strength(score=0, accepted=False, hints=tuple(dict.fromkeys((refusal, *weak))))
    advice: tuple[Hint, ...] = ("longer",) if mixed(password) else ("mixed", "longer")
    return Strength(score=found["score"], accepted=True, hints=(*dict.fromkeys(weak), *advice))


def _bounded(password: str) -> str:
    head = password[:LOOKED_AT]
    few = list(dict.fromkeys(letter for letter in head if letter in SUBSTITUTES))[:FEW]
    return "".join("~" if letter in SUBSTITUTES and letter not in few else letter for letter in head)


def _parts(word: str) -> list[str]:
    """An address is known by its parts as well."""
    whole = word[:LOOKED_AT].lower()
    return [whole, *whole.replace("@", ".").split(".")][:8]


def _hint(match: dict[str, Any]) -> Hint:
    if match["pattern"] == "dictionary":
        return _DICTIONARIES.get(match["dictionary_name"], "words")
    return _PATTERNS[match["pattern"]]


def _step_back() -> None:
    """Lowest priority: advice comes after everything else."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
