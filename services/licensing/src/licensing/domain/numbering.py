"""Legal numbers: one row for each series and year, without gaps.

`2026000123`: ten digits, so it also fits where banks allow no letters (a variable symbol); credit notes are
`C2026000001`. A number is taken in the commit of its document, so there is none without the other.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from licensing.domain.invoice import Kind

_PREFIX = {Kind.INVOICE: "", Kind.CREDIT_NOTE: "C"}
_NUMBER = re.compile(r"(?<![0-9A-Za-z])20[0-9]{8}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class NumberRow:
    """How far one series has come in one year."""

    kind: Kind
    year: int
    last: int = 0
    version: int = 0

    @classmethod
    def at(cls, kind: Kind, moment: datetime) -> "NumberRow":
        """The row that a document issued now belongs to, still empty. The year is that of UTC."""
        return cls(kind, moment.year)

    @property
    def id(self) -> str:
        return f"{self.kind.value}:{self.year}"

    def take(self, count: int) -> "tuple[NumberRow, list[str]]":
        """The next `count` numbers, and the row after them."""
        numbers = range(self.last + 1, self.last + count + 1)
        taken = [f"{_PREFIX[self.kind]}{self.year:04}{number:06}" for number in numbers]
        return replace(self, last=self.last + count, version=self.version + 1), taken


def numbers_in(text: str) -> list[str]:
    """Invoice numbers that a payer has mentioned, each once."""
    return list(dict.fromkeys(_NUMBER.findall(text)))
