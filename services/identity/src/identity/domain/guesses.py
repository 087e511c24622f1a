"""Passwords that are guessed first: those that most people take, and what others know of the person.

An attacker who is slowed down after a few tries still has those few; a password among them is as good as
none (OWASP ASVS 5.0: 6.2.4, 6.2.11).
"""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from string import digits

from zxcvbn.frequency_lists import FREQUENCY_LISTS

COMMONEST = 3_000
"""As many of the commonest passwords, among those long enough to be taken here, are refused."""
OURS = ("vedette", "camera", "cameras", "recorder", "nvr", "staff", "admin", "technician")
"""Words that whoever guesses a password of this service tries early."""
ADORNED = 4
"""Characters around a word that make it no better: `Vedette2026` is `vedette`."""


def commonest(shortest: int) -> frozenset[str]:
    """In small letters. The list is in the order of frequency, as leaked passwords had it."""
    long_enough = (password for password in FREQUENCY_LISTS["passwords"] if len(password) >= shortest)
    return frozenset(islice(long_enough, COMMONEST))


def names_something(password: str, about: Iterable[str]) -> bool:
    """Whether it is, with little around it, a word of ours or one of `about`: what others know of the person
    (username, e-mail address, names, organisation). Sets and short words only: microseconds."""
    core = _core(password)
    words = (word for known in (*OURS, *about) for word in _words(known))
    return any(len(password) <= len(word) + ADORNED and core == _core(word) for word in words if word)


def folded(text: str) -> str:
    """One spelling of what is the same to who guesses."""
    return unicodedata.normalize("NFKC", text).casefold()


def _words(known: str) -> Iterator[str]:
    """What is known, and of an address its parts: `ada`, `acme.example` and `acme`."""
    yield known
    local, at, domain = known.rpartition("@")
    if at:
        yield from (local, domain, domain.rpartition(".")[0])


def _core(text: str) -> str:
    """The word within: letters and digits, and no digits at its ends unless there is nothing else."""
    plain = "".join(letter for letter in folded(text) if letter.isalnum())
    return plain.strip(digits) or plain
