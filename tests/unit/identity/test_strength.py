"""Advice on passwords: honest, bounded, in every language."""

import asyncio
import time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import Unavailable
from identity.domain.accounts import Language
from identity.domain.strength import HINTS, WORDS
from identity.service.strength import ROOM, SUBSTITUTES, StrengthMeter, measure


@pytest.mark.parametrize(
    ("password", "hint"),
    [
        ("12345", "too_short"),
        ("password", "common"),
        ("wsxcderfv", "keyboard"),
        ("aaaaaaaaaa", "repeated"),
        ("abcdefghijk", "sequence"),
        ("24.12.1998", "date"),
        ("ada.lovelace", "about_you"),
        ("vedette2026", "about_you"),
        ("lowercase", "mixed"),
    ],
)
def test_a_weak_password_is_told_what_is_weak_about_it(password: str, hint: str) -> None:
    found = measure(password, ("ada.lovelace", "ada@acme.example"))

    assert hint in found.hints
    assert found.score < 3


@pytest.mark.parametrize("password", ["x9!Qz", "111111", "Vedette2026", "lovelace7", "x" * 201])
def test_what_would_be_refused_is_not_called_accepted(password: str) -> None:
    found = measure(password, ("ada.lovelace", "lovelace"))

    assert not found.accepted
    assert found.hints[0] in {"too_short", "too_long", "common", "about_you"}


def test_a_poor_password_that_nobody_tries_first_is_accepted_with_advice() -> None:
    found = measure("aaaaaaaaaab", ())

    assert found.accepted
    assert found.score < 3


def test_a_good_password_hears_nothing_but_that() -> None:
    assert measure("Marmalade under 7 bridges", ()).hints == ("good",)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=254), max_size=5))
def test_any_text_can_be_measured(password: str, about: list[str]) -> None:
    found = measure(password, tuple(about))

    assert 0 <= found.score <= 4
    assert found.hints


def test_no_password_takes_long() -> None:
    """Unbounded, these take zxcvbn a second and more."""
    signs = "".join(sorted(SUBSTITUTES))
    for password in (signs * 10, ("aA1!" * 50), "password" * 25, "4@8({[<3691!|0$5+7%2aeiopasw" * 7):
        started = time.process_time()
        measure(password, ("4@8({[<369",) * 5)
        assert time.process_time() - started < 0.3


async def test_advice_is_given_up_when_too_many_ask() -> None:
    meter = StrengthMeter()
    asked = [asyncio.create_task(meter.measure("Marmalade under 7 bridges", ())) for _ in range(ROOM)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await meter.measure("one too many", ())
    await asyncio.gather(*asked)

    assert (await meter.measure("room again", ())).accepted
    await meter.close()


def test_every_hint_has_its_words_in_every_language() -> None:
    assert set(WORDS) == set(HINTS)
    for texts in WORDS.values():
        assert set(texts) == set(get_args(Language))
        assert len(set(texts.values())) == len(texts)
