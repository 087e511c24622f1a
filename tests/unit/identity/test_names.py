"""Spelling, masking and passwords."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from identity.domain.guesses import commonest
from identity.domain.names import canonical_email, check_password, masked, password_bytes


@pytest.mark.parametrize("text", ["Mail@Example.COM", " mail@example.com", "MAIL@EXAMPLE.COM "])
def test_an_address_has_one_spelling(text: str) -> None:
    assert canonical_email(text) == "mail@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "nobody",
        "a@b",
        "a b@example.com",
        "a@example..com",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com,b@example.com",
        "<a@example.com>",
        "pаypal@example.com",  # the first а is Cyrillic
        f"{'a' * 250}@example.com",
    ],
)
def test_what_is_no_address_of_one_person_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        canonical_email(text)


def test_a_masked_address_tells_its_owner_and_nobody_else() -> None:
    assert masked("youremail@mail.example.com") == "y***@m***.com"


@pytest.mark.parametrize("password", ["12345", "x" * 201])
def test_passwords_have_six_to_two_hundred_characters(password: str) -> None:
    with pytest.raises(Invalid):
        check_password(password)


def test_no_mixture_of_characters_is_demanded() -> None:
    check_password("zimnik")


@pytest.mark.parametrize("password", ["123456", "PASSWORD", "iloveyou", "ｐａｓｓｗｏｒｄ"])
def test_the_commonest_passwords_are_refused_however_they_are_spelled(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password)
    assert refused.value.next_step


def test_as_many_are_refused_as_the_standard_asks_for() -> None:
    assert len(commonest(6)) == 3000
    assert all(len(password) >= 6 for password in commonest(6))


ABOUT = ("ada.lovelace@acme.example", "ada99", "Ada", "Nováková", "Acme Security s.r.o.", "")


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@acme.example", "Ada.Lovelace", "ada-lovelace", "acme.example", "ada99!", "AdA1234",
        "Nováková", "2026nováková", "acme security sro", "vedette1", "Recorder!", "technician",
    ],
)  # fmt: skip
def test_what_others_know_of_a_person_is_no_password(password: str) -> None:
    with pytest.raises(Invalid):
        check_password(password, ABOUT)


@pytest.mark.parametrize("password", ["ada and 7 bridges", "acme83920174", "!!!!!!!!", "my vedette sings"])
def test_a_name_within_something_longer_is_fine(password: str) -> None:
    check_password(password, ABOUT)


@given(st.text(min_size=6, max_size=200), st.lists(st.text(max_size=254), max_size=6))
def test_any_password_is_taken_or_refused_with_words_and_a_name_itself_never_passes(
    password: str, about: list[str]
) -> None:
    with suppress(Invalid):
        check_password(password, about)
    if any(letter.isalnum() for letter in password):
        with pytest.raises(Invalid):
            check_password(password, [*about, password])


def test_the_same_accent_typed_on_two_keyboards_is_the_same_password() -> None:
    assert password_bytes("café") == password_bytes("cafe\u0301")
