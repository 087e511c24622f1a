"""What an API key looks like, so that it is recognised wherever it turns up: in a request, in a log, in a
repository that it leaked into.

`vdt_`, 64 letters and digits, and six more that are the CRC-32 of all before them in base 62. The checksum
proves nothing; it lets a scanner tell a key from a word that looks like one, and lets us turn away most of
what was made up without asking anybody.
"""

import re
import string
import zlib
from typing import Final

PREFIX: Final = "vdt_"
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
BODY: Final = 64
"""Letters between prefix and checksum."""
_CHECKSUM: Final = 6
_SHAPE: Final = re.compile(f"{PREFIX}[0-9A-Za-z]{{{BODY + _CHECKSUM}}}")


def with_checksum(body: str) -> str:
    """The whole key."""
    key = PREFIX + body
    return key + _checksum(key)


def well_formed(key: str) -> bool:
    """Whether this could be a key of ours: right shape, right checksum."""
    return _SHAPE.fullmatch(key) is not None and key[-_CHECKSUM:] == _checksum(key[:-_CHECKSUM])


def _checksum(text: str) -> str:
    rest, letters = zlib.crc32(text.encode("ascii")), ""
    for _ in range(_CHECKSUM):
        rest, digit = divmod(rest, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return letters
