"""Honest advice about a password (ID-6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from identity.domain.accounts import Language

Hint = Literal[
    "too_short",
    "too_long",
    "mixed",
    "common",
    "words",
    "about_you",
    "keyboard",
    "repeated",
    "sequence",
    "date",
    "longer",
    "good",
]
HINTS: tuple[Hint, ...] = get_args(Hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """`score`: 0 (guessed at once) to 4 (hardly ever guessed), as zxcvbn measures it."""

    score: int
    accepted: bool
    """It would be taken: long enough (ID-5), and not among those that are tried first."""
    hints: tuple[Hint, ...]


def mixed(password: str) -> bool:
    """Upper and lower case letters and digits, as ID-6 recommends."""
    return all(any(test(letter) for letter in password) for test in (str.isupper, str.islower, str.isdigit))


def words_for(hint: Hint, language: Language) -> str:
    return WORDS[hint][language]


WORDS: Mapping[Hint, Mapping[Language, str]] = {
    "too_short": {
        "en": "A password needs at least 6 characters.",
        "de": "Ein Passwort braucht mindestens 6 Zeichen.",
        "cs": "Heslo musí mít alespoň 6 znaků.",
        "es": "La contraseña debe tener al menos 6 caracteres.",
        "fr": "Le mot de passe doit comporter au moins 6 caractères.",
    },
    "too_long": {
        "en": "A password may have at most 200 characters.",
        "de": "Ein Passwort darf höchstens 200 Zeichen haben.",
        "cs": "Heslo smí mít nejvýše 200 znaků.",
        "es": "La contraseña puede tener como máximo 200 caracteres.",
        "fr": "Le mot de passe peut comporter au plus 200 caractères.",
    },
    "mixed": {
        "en": "Mix upper and lower case letters and digits.",
        "de": "Mischen Sie Groß- und Kleinbuchstaben und Ziffern.",
        "cs": "Kombinujte velká a malá písmena a číslice.",
        "es": "Combine mayúsculas, minúsculas y cifras.",
        "fr": "Mélangez majuscules, minuscules et chiffres.",
    },
    "common": {
        "en": "This is among the passwords that are tried first.",
        "de": "Das gehört zu den Passwörtern, die zuerst ausprobiert werden.",
        "cs": "Toto heslo patří k těm, která se zkoušejí jako první.",
        "es": "Es una de las contraseñas que se prueban primero.",
        "fr": "Ce mot de passe est parmi les premiers à être essayés.",
    },
    "words": {
        "en": "Single words and names are guessed quickly; use several that do not belong together.",
        "de": "Einzelne Wörter und Namen sind schnell erraten; besser sind mehrere ohne Zusammenhang.",
        "cs": "Jednotlivá slova a jména se uhodnou rychle; použijte několik slov, která spolu nesouvisí.",
        "es": "Las palabras y los nombres sueltos se adivinan pronto; use varios que no tengan relación.",
        "fr": "Un mot ou un nom seul se devine vite ; utilisez-en plusieurs sans rapport entre eux.",
    },
    "about_you": {
        "en": "Your own name or address is the first thing that somebody tries.",
        "de": "Ihren eigenen Namen oder Ihre Adresse probiert jeder zuerst.",
        "cs": "Vaše vlastní jméno nebo adresu zkusí každý jako první.",
        "es": "Su propio nombre o dirección es lo primero que cualquiera prueba.",
        "fr": "Votre nom ou votre adresse est la première chose que l’on essaie.",
    },
    "keyboard": {
        "en": "Neighbouring keys are easy to guess.",
        "de": "Benachbarte Tasten sind leicht zu erraten.",
        "cs": "Sousední klávesy se snadno uhodnou.",
        "es": "Las teclas vecinas son fáciles de adivinar.",
        "fr": "Des touches voisines sont faciles à deviner.",
    },
    "repeated": {
        "en": "Repetition adds hardly anything.",
        "de": "Wiederholungen bringen fast nichts.",
        "cs": "Opakování heslu téměř nic nepřidá.",
        "es": "Repetir no aporta casi nada.",
        "fr": "Les répétitions n’apportent presque rien.",
    },
    "sequence": {
        "en": "Sequences such as abc or 4321 are easy to guess.",
        "de": "Folgen wie abc oder 4321 sind leicht zu erraten.",
        "cs": "Řady jako abc nebo 4321 se snadno uhodnou.",
        "es": "Las secuencias como abc o 4321 son fáciles de adivinar.",
        "fr": "Les suites comme abc ou 4321 sont faciles à deviner.",
    },
    "date": {
        "en": "Dates and years are easy to guess.",
        "de": "Daten und Jahreszahlen sind leicht zu erraten.",
        "cs": "Data a letopočty se snadno uhodnou.",
        "es": "Las fechas y los años son fáciles de adivinar.",
        "fr": "Les dates et les années sont faciles à deviner.",
    },
    "longer": {
        "en": "Make it longer: a few more words or characters help most.",
        "de": "Machen Sie es länger: Ein paar Wörter oder Zeichen mehr helfen am meisten.",
        "cs": "Prodlužte ho: nejvíc pomůže několik slov nebo znaků navíc.",
        "es": "Hágala más larga: unas palabras o caracteres más son lo que más ayuda.",
        "fr": "Allongez-le : quelques mots ou caractères de plus sont le plus utile.",
    },
    "good": {
        "en": "This password is hard to guess.",
        "de": "Dieses Passwort ist schwer zu erraten.",
        "cs": "Toto heslo se těžko uhodne.",
        "es": "Esta contraseña es difícil de adivinar.",
        "fr": "Ce mot de passe est difficile à deviner.",
    },
}
