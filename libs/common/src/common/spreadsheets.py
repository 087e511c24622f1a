"""Lines of CSV for people, who open them in a spreadsheet program."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins like this is run by spreadsheet programs (OWASP, CSV injection)."""


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """RFC 4180, in UTF-8; nothing in it is taken for a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(str(cell)) for cell in row] for row in rows])
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
