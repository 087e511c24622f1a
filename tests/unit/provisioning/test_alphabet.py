"""Names in the order that a reader of each language expects."""

import pytest

from provisioning.domain import Language, language_of, sort_key


@pytest.mark.parametrize(
    ("language", "ordered"),
    [
        ("cs", "auto cesta Čáslav čekárna dům hrad chata Chomutov ikona rampa řada sad šedá zed žába"),
        ("es", "banco niña niño nube Ñandú ojo"),
        ("de", "Ader Äpfel Arm Strasse Straße Strauß über Ulm"),
        ("fr", "cote coté côte côté école Ecully œuvre"),
        ("en", "apple Árbol zebra Žižkov"),
    ],
)
def test_the_order_is_that_of_the_language(language: Language, ordered: str) -> None:
    names = ordered.split()
    assert sorted(set(names), key=lambda name: sort_key(name, language)) == names


def test_a_letter_of_its_own_is_one_in_its_language_only() -> None:
    names = ["Dvůr", "Chodba", "Cz", "Čekárna"]
    assert sorted(names, key=lambda name: sort_key(name, "cs")) == ["Cz", "Čekárna", "Dvůr", "Chodba"]
    assert sorted(names, key=lambda name: sort_key(name, "de")) == ["Čekárna", "Chodba", "Cz", "Dvůr"]


def test_the_same_name_is_the_same_however_it_was_typed() -> None:
    assert sort_key("C\u030cern\u00fd", "cs")[0] == sort_key("ČERNÝ", "cs")[0]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("cs-CZ,cs;q=0.9", "cs"),
        ("pl, de;q=0.5", "de"),
        ("", "en"),
        ("*", "en"),
        ("fr", "fr"),
        ("zh-Hant", "en"),
    ],
)
def test_the_readers_language_is_the_first_we_speak(accepted: str, language: Language) -> None:
    assert language_of(accepted) == language
