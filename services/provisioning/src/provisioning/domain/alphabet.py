"""Alphabetical order as a reader of each language expects it, and text reduced to what people type.

Only the first level of the Unicode collation is kept (which letter it is), with what a language changes in it
(CLDR: Czech and Spanish; German in the order of dictionaries). Case and accents decide between equals only.
"""

import unicodedata
from functools import lru_cache
from typing import Literal, get_args

Language = Literal["en", "de", "cs", "es", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_AFTER_ALL = "\U0010fffd"
"""`c` + this comes after `c` + anything: a letter of its own that follows `c`."""
_OWN_LETTERS: dict[Language, tuple[tuple[str, str], ...]] = {
    "cs": (("ch", "h"), ("č", "c"), ("ř", "r"), ("š", "s"), ("ž", "z")),
    "es": (("ñ", "n"),),
}
"""Language -> letters (small, composed) that follow another letter instead of being a variant of one."""
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h"}
)
"""Letters that Unicode does not take apart, as they are typed by somebody without them on the keyboard."""


@lru_cache(50_000)
def sort_key(name: str, language: Language = "en") -> tuple[str, str]:
    """What to sort by: the letters, then the name itself."""
    text = unicodedata.normalize("NFC", name.casefold())
    for letter, before in _OWN_LETTERS.get(language, ()):
        text = text.replace(letter, before + _AFTER_ALL)
    return plain(text), name


def plain(text: str) -> str:
    """Without case and accents: `Černý` is `cerny`, `Straße` is `strasse`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold()).casefold()
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_PLAIN)


def language_of(accepted: str) -> Language:
    """The first language of an Accept-Language header that we speak; weights are in order in practice."""
    for part in accepted.split(","):
        wanted = part.partition(";")[0].strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if language == wanted:
                return language
    return "en"
