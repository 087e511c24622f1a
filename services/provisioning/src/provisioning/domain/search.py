"""Finding items by a piece of their name or of their device's id (GW-4).

An item is kept with every ending of its name, accents and case removed, and of its device id without
separators: a piece of the text is then the beginning of an ending, and an index on the endings finds it.
"""

import re
from dataclasses import dataclass

from provisioning.domain.alphabet import plain

ENDING = 24
"""Characters kept of an ending. A longer piece is looked up by its first ones and compared afterwards."""
STARTS = 64
"""Places in a text at which an ending begins; a name has 45 characters, some made of several code points."""
WORDS = 4
"""Words of a query that are looked up; further ones are compared afterwards."""
_SEPARATORS = re.compile(r"[\s:._-]+")


def endings(name: str, device: str | None) -> list[str]:
    """Under what an item is found."""
    texts = [plain(name)] + ([compact(device.partition(":")[2])] if device else [])
    return sorted({text[at : at + ENDING].rstrip() for text in texts for at in _starts(text)})


def compact(text: str) -> str:
    """A device id without the separators in which its notations differ."""
    return _SEPARATORS.sub("", plain(text))


def _starts(text: str) -> list[int]:
    return [at for at in range(min(len(text), STARTS)) if not text[at].isspace()]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody typed into the search field, understood."""

    words: tuple[str, ...]
    device: str

    @classmethod
    def of(cls, text: str) -> "Wanted | None":
        """None when there is nothing to look for."""
        words, device = tuple(plain(text).split()), compact(text)
        return cls(words, device) if words else None

    @property
    def pieces(self) -> list[str]:
        """Either is the beginning of an ending: all that was typed, as a name or as a device id."""
        texts = (" ".join(self.words), self.device)
        return list(dict.fromkeys(text[:ENDING].rstrip() for text in texts if text))

    @property
    def apart(self) -> list[str]:
        """The words that may stand anywhere in a name, longest first: that is rarest."""
        words = sorted(set(self.words), key=len, reverse=True)[:WORDS]
        return [word[:ENDING] for word in words] if len(self.words) > 1 else []

    def finds(self, name: str, device: str | None) -> bool:
        """Whether an item is meant; the index may offer some that are not."""
        if device and self.device and self.device in compact(device.partition(":")[2]):
            return True
        text = plain(name)
        return all(word in text for word in self.words)

    def rank(self, name: str) -> int:
        """How well a name fits: it begins so, one of its words does, or it is somewhere inside."""
        text, first = plain(name), self.words[0]
        if text.startswith(first):
            return 0
        return 1 if f" {first}" in text else 2
