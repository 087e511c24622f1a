"""Names that people give to items: 1 to 45 characters as a person counts them (GW-10)."""

import unicodedata

import regex

from common.errors import FieldError, Invalid

LONGEST = 45
_CHARACTER = regex.compile(r"\X")


def clean_name(text: str) -> str:
    """The name as it is kept (Unicode NFC, no space around it); `Invalid` when it cannot be a name."""
    name = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        raise _invalid("no control characters")
    if not 1 <= characters(name) <= LONGEST:
        raise _invalid(f"1 to {LONGEST} characters")
    return name


def characters(text: str) -> int:
    """Characters as a person sees them: the extended grapheme clusters of UAX #29."""
    return sum(1 for _ in _CHARACTER.finditer(text))


def _invalid(why: str) -> Invalid:
    return Invalid("name_invalid", "The name was not accepted", errors=[FieldError("name", why)])
