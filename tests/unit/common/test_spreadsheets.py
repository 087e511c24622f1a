"""Whatever somebody has typed into a name, opening a list of it runs nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.spreadsheets import FORMULA, csv_lines

CELLS = st.lists(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4), max_size=5
)


def read(lines: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(lines.decode(), newline="")))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=cmd|'/c calc'!A1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert read(csv_lines([[cell, "x"]])) == [[f"'{cell}", "x"]]


@given(CELLS)
def test_every_cell_comes_back_and_none_begins_as_a_formula_does(rows: list[list[str]]) -> None:
    found = read(csv_lines(rows))

    assert found == [[f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in rows]
    assert not any(cell.startswith(FORMULA) for row in found for cell in row)


def test_what_is_no_text_is_written_as_one() -> None:
    assert csv_lines([[1, None, "ž"]]) == "1,None,ž\r\n".encode()
