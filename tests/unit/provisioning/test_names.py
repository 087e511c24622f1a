"""Names have 1 to 45 characters as a person counts them (GW-10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from provisioning.domain import characters, clean_name


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Gate", 4),
        ("Zürich", 6),
        ("e\u0301", 1),
        ("👨‍👩‍👧‍👦", 1),
        ("🇨🇿🇩🇪", 2),
        ("👍🏽", 1),
        ("เข้า", 3),
        ("각", 1),
        ("नमस्ते", 3),
        ("\r\n", 1),
        ("", 0),
    ],
)
def test_characters_are_counted_as_people_see_them(text: str, count: int) -> None:
    assert characters(text) == count


@pytest.mark.parametrize("name", ["x" * 45, "👨‍👩‍👧‍👦" * 45, "  Gate  "])
def test_a_name_of_up_to_45_characters_is_kept(name: str) -> None:
    assert clean_name(name) == name.strip()


@pytest.mark.parametrize("name", ["x" * 46, "👨‍👩‍👧‍👦" * 46, "", "   ", "a\nb", "a\0b", "\ud800"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        clean_name(name)


@given(st.text(max_size=60))
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    try:
        name = clean_name(text)
    except Invalid:
        return
    assert clean_name(name) == name
