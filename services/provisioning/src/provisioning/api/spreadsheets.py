"""Reading a list of cameras from a CSV or XLSX file, as people's programs write them; and writing one back.

A file is a stranger's: how large it unpacks, how many rows and cells are looked at, and what a cell may hold
are all bounded. Formulas are refused: what they show depends on the program that opens them.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence

import openpyxl

from common.errors import Invalid
from common.spreadsheets import csv_lines
from provisioning.domain import FileRow, canonical
from provisioning.domain.claim_import import LARGEST

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = {
    "device": {"device_id", "device id", "device", "mac", "mac address", "serial", "serial number", "id"},
    "secret": {"password", "secret"},
    "name": {"name"},
}
"""Our columns and what their heading may be, whatever the case."""
LONGEST = {"device": 100, "secret": 256, "name": 400}
WIDEST = 50
"""Columns looked at."""
UNPACKED = 20_000_000
"""Bytes that an XLSX file may unpack to; 10,000 rows need 3 MB."""
PARTS = 100
EXACT = 10**15
"""Spreadsheets keep no more digits of a number."""
Cells = Sequence[object]


class _Formula:
    """Stands for a cell that computes its value."""


def read(data: bytes, content_type: str) -> list[FileRow]:
    """All rows below the heading that are not empty; `Invalid` when the file as a whole cannot be read.

    Blocking: megabytes are taken apart.
    """
    table = _xlsx(data) if content_type == XLSX else _csv(data)
    try:
        rows = list(_rows(table))
    except Invalid:
        raise
    except Exception as error:  # whatever its author did to it: openpyxl raises many kinds
        raise _unreadable(type(error).__name__) from None
    return _without_repetitions(rows)


def written(rows: Iterable[Sequence[object]]) -> bytes:
    """CSV that no spreadsheet program takes for a formula; with a mark for UTF-8."""
    return "\ufeff".encode() + csv_lines(rows)


def _rows(table: Iterator[tuple[int, Cells]]) -> Iterator[FileRow]:
    heading = next(table, None)
    places = _places(heading[1] if heading else ())
    count = 0
    for number, cells in table:
        if number > LARGEST * 2:
            raise _too_many()
        found = {column: cells[place] if place < len(cells) else None for column, place in places.items()}
        if all(cell is None or cell == "" for cell in found.values()):
            continue
        count += 1
        if count > LARGEST:
            raise _too_many()
        yield _row(number, found)


def _places(heading: Cells) -> dict[str, int]:
    """Column -> where it is."""
    places: dict[str, int] = {}
    for place, cell in enumerate(heading):
        text = str(cell).strip().casefold()
        for column, names in COLUMNS.items():
            if text in names:
                places.setdefault(column, place)
    if "device" not in places or "secret" not in places:
        raise Invalid(
            "columns_missing",
            "The first row must name the columns: device_id, password and, if you like, name",
            next_step="Take the template and fill it in.",
        )
    return places


def _row(number: int, found: dict[str, object]) -> FileRow:
    texts: dict[str, str] = {}
    for column, cell in found.items():
        try:
            texts[column] = _text(cell, LONGEST[column], strip=column != "secret")
        except ValueError as error:
            device = str(found["device"])[:100] if isinstance(found["device"], str | int) else ""
            return FileRow(number, device, code="cell_invalid", message=f"{column}: {error}")
    if not texts["secret"]:
        return FileRow(number, texts["device"], code="password_missing", message="There is no password")
    return FileRow(number, texts["device"], texts["secret"], texts.get("name") or None)


def _text(cell: object, longest: int, *, strip: bool) -> str:
    if isinstance(cell, _Formula):
        raise ValueError("a formula; enter the value itself")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise ValueError("neither text nor a whole number; format the cell as text")
    if isinstance(cell, int) and abs(cell) >= EXACT:
        raise ValueError("a number with more digits than a spreadsheet keeps; format the cell as text")
    text = str(cell).strip() if strip else str(cell)
    if len(text) > longest:
        raise ValueError(f"longer than {longest} characters")
    return text


def _without_repetitions(rows: list[FileRow]) -> list[FileRow]:
    """The same device twice, however it is written: the second one is refused."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        first = seen.setdefault(_device(row), row.number)
        if first != row.number and row.device and not row.code:
            message = f"The same as in row {first}"
            kept.append(FileRow(row.number, row.device, code="repeated", message=message))
        else:
            kept.append(row)
    return kept


def _device(row: FileRow) -> str:
    try:
        return canonical(row.device)
    except Invalid:
        return row.device


def _csv(data: bytes) -> Iterator[tuple[int, Cells]]:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(
            "encoding_unknown", "The file is not in UTF-8", next_step="Save it as CSV UTF-8."
        ) from None
    if "\0" in text:
        raise _unreadable("zero bytes")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return ((number, row[:WIDEST]) for number, row in enumerate(reader, 1))


def _xlsx(data: bytes) -> Iterator[tuple[int, Cells]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
                raise Invalid("file_too_large", "The file unpacks to more than a list of cameras needs")
            for part in parts:  # what a part really unpacks to is checked against what it says
                with archive.open(part) as stream:
                    while stream.read(1 << 20):
                        pass
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheet = book.worksheets[0]
    except Invalid:
        raise
    except Exception as error:  # as in `read`
        raise _unreadable(type(error).__name__) from None
    sheet.reset_dimensions()  # what the file says of its size is not believed
    return (
        (number, [_Formula() if cell.data_type == "f" else cell.value for cell in cells])
        for number, cells in enumerate(sheet.iter_rows(max_row=LARGEST * 2 + 2, max_col=WIDEST), 1)
    )


def _too_many() -> Invalid:
    return Invalid("too_many_rows", f"At most {LARGEST:,} cameras in one file", next_step="Divide the file.")


def _unreadable(why: str) -> Invalid:
    return Invalid("file_unreadable", f"The file cannot be read ({why})", next_step="Take the template.")
