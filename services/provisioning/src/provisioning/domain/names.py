"""Names that people give to items: 1 to 45 characters as a person counts them (GW-10)."""

import unicodedata

from common.errors import FieldError, Invalid

LONGEST = 45
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


def clean_name(text: str) -> str:
    """The name as it is kept (Unicode NFC, no space around it); `Invalid` when it cannot be a name."""
    name = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        raise _invalid("no control characters")
    if not 1 <= characters(name) <= LONGEST:
        raise _invalid(f"1 to {LONGEST} characters")
    return name


def characters(text: str) -> int:
    """Characters as a person sees them: the grapheme clusters of UAX #29, without Hangul jamo and prepend
    marks, which NFC and keyboards do not leave in names."""
    count = 0
    joined = flag_open = False
    for char in text:
        code = ord(char)
        flag = code in _FLAG_LETTERS
        extends = char == _JOINER or code in _SKIN_TONES or unicodedata.category(char) in ("Mn", "Me", "Mc")
        if not (count and (extends or joined or (flag and flag_open))):
            count += 1
            flag_open = flag
        else:
            flag_open = False
        joined = char == _JOINER
    return count


def sort_key(name: str) -> str:
    """For alphabetical order: without case and accents."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _invalid(why: str) -> Invalid:
    return Invalid("name_invalid", "The name was not accepted", errors=[FieldError("name", why)])
