"""Spelling, masking and passwords."""

import pytest

from common.errors import Invalid
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
    check_password("aaaaaa")


def test_the_same_accent_typed_on_two_keyboards_is_the_same_password() -> None:
    assert password_bytes("café") == password_bytes("cafe\u0301")
