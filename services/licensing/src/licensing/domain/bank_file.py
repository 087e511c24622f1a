"""What a bank's file says came in: rows that can be booked, and rows that cannot, each with its reason."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from common.errors import Invalid, Refusal
from licensing.domain.money import minor_units

MOST_ROWS = 2_000
LONGEST = 500
"""Characters of a text that are kept."""
COLUMNS = ("date", "amount", "currency", "reference", "text")


@dataclass(frozen=True, slots=True)
class Incoming:
    """Money that came in, as the bank tells it."""

    row: int
    reference: str
    """The bank's own, unique in the account."""
    amount: int
    currency: str
    received_on: date
    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that is not understood; nothing of it is booked."""

    row: int
    code: str
    message: str


Row = Incoming | Broken


def row_of(number: int, read: Callable[[], Incoming]) -> Row:
    """The row, or why there is none."""
    try:
        return read()
    except Refusal as error:
        return Broken(number, error.code, error.detail)


def incoming(row: int, fields: Mapping[str, str]) -> Incoming:
    """Raises `Invalid` for whatever is wrong first."""
    reference = fields["reference"].strip()
    if not 1 <= len(reference) <= 140:
        raise Invalid("reference_invalid", "The bank's own reference has 1 to 140 characters")
    currency = fields["currency"].strip()
    amount = minor_units(fields["amount"].strip(), currency)
    text = " ".join(fields["text"].split())[:LONGEST]
    return Incoming(row, reference, amount, currency, day(fields["date"].strip()), text)


def day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Invalid("date_invalid", f"{text[:40]!r} is no date such as 2026-03-31") from None


def csv_rows(content: str) -> list[Row]:
    """Rows of a CSV file with the columns date, amount, currency, reference, text (others are ignored);
    separated by comma, semicolon or tab. Raises `Invalid` when it is no such file."""
    head = content.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(content.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise Invalid(
                "file_unreadable", f"The first row must name the columns; missing: {', '.join(missing)}"
            )
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise Invalid("file_unreadable", f"This is no CSV file: {error}") from None
    must_be_few(len(rows))
    return [row_of(number, partial(_read, number, header, row)) for number, row in rows]


def must_be_few(rows: int) -> None:
    if rows > MOST_ROWS:
        raise Invalid("too_many_rows", f"At most {MOST_ROWS} rows at once", next_step="Split the file.")


def _read(number: int, header: list[str], row: list[str]) -> Incoming:
    if len(row) != len(header):
        raise Invalid("row_incomplete", f"{len(row)} fields instead of {len(header)}")
    return incoming(number, dict(zip(header, row, strict=True)))
