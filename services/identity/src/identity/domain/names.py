"""What people type to say who they are: e-mail addresses, usernames, logins, passwords."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal

import idna

from common.errors import FieldError, Invalid
from identity.domain.guesses import commonest, folded, names_something

SHORTEST_PASSWORD, LONGEST_PASSWORD = 6, 200
"""Characters. At least six is the hard rule, a better mixture only advice (ID-5, ID-6)."""
_COMMONEST = commonest(SHORTEST_PASSWORD)
UNGUESSED = "Choose a few words that do not belong together: easy to remember and hard to guess."
_REFUSALS = {
    "too_short": f"The password needs at least {SHORTEST_PASSWORD} characters.",
    "too_long": f"The password may have at most {LONGEST_PASSWORD} characters.",
    "common": "This is one of the passwords that most people take, and the first that are tried.",
    "about_you": "This is a name that others know, and the first thing they try.",
}
LONGEST_EMAIL = 254
LONGEST_USERNAME = 64
# ASCII only: no look-alike letters of other alphabets, and nothing that could break a mail header.
_USERNAME = re.compile(rf"[A-Za-z0-9._@-]{{1,{LONGEST_USERNAME}}}")
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def canonical(login: str) -> str:
    """One spelling of a login (username or e-mail): `Mail@` and `mail@` are the same person (rule 3, D1).

    Wide and composed forms of a letter are one letter (NFKC), and a domain in another script is written as
    the DNS knows it (RFC 5891); letters that merely look alike stay different ones.
    """
    name = unicodedata.normalize("NFKC", login).strip().lower()
    local, at, domain = name.rpartition("@")
    if not at or domain.isascii() or len(name) > LONGEST_EMAIL:
        return name
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return name


def canonical_email(text: str) -> str:
    """The address in its one spelling; `Invalid` when it cannot be one."""
    email = canonical(text)
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        message = "This is not an e-mail address we can write to."
        raise Invalid("email_invalid", message, errors=[FieldError("email", message)])
    return email


def check_username(username: str, email: str) -> None:
    """`Invalid` unless it is made of the letters of ID-4. One that looks like an address must be the person's
    own: otherwise people could take each other's addresses, or learn which are taken."""
    message = ""
    if not _USERNAME.fullmatch(username):
        message = "A username is made of the letters A to Z, digits, period, underscore, dash and @."
    elif "@" in username and canonical(username) != canonical(email):
        message = "A username with an @ must be your own e-mail address."
    if message:
        raise Invalid("username_not_accepted", message, errors=[FieldError("username", message)])


def masked(email: str) -> str:
    """The address so that its owner knows it and nobody else learns it (ID-22): `j***@e***.com`."""
    local, _, domain = email.partition("@")
    host, _, top = domain.rpartition(".")
    return f"{local[:1]}***@{host[:1]}***.{top}"


def check_password(password: str, about: Iterable[str] = ()) -> None:
    """`Invalid` when the password cannot be taken; `about`: what others know of the person. No mixture of
    characters is demanded (ID-5, ID-6)."""
    refusal = refused_for(password, about)
    if refusal:
        message = _REFUSALS[refusal]
        raise Invalid(
            "password_not_accepted",
            message,
            errors=[FieldError("password", message)],
            next_step=UNGUESSED if refusal in {"common", "about_you"} else None,
        )


def refused_for(
    password: str, about: Iterable[str]
) -> Literal["too_short", "too_long", "common", "about_you"] | None:
    """Why a password cannot be taken: its length, or it is among those that are tried first."""
    if len(password) < SHORTEST_PASSWORD:
        return "too_short"
    if len(password) > LONGEST_PASSWORD:
        return "too_long"
    if folded(password) in _COMMONEST:
        return "common"
    return "about_you" if names_something(password, about) else None


def check_confirmation(password: str, confirmation: str) -> None:
    """`Invalid` when the password was not typed the same way twice (ID-7)."""
    if password_bytes(password) != password_bytes(confirmation):
        message = "The two passwords are not the same."
        error = FieldError("password_confirmation", message)
        raise Invalid("password_not_confirmed", message, errors=[error])


def password_bytes(password: str) -> bytes:
    """What is hashed. Normalised, because keyboards compose the same accent differently (NIST 800-63B)."""
    return unicodedata.normalize("NFKC", password).encode()


def all_of(*checks: Callable[[], object]) -> None:
    """One `Invalid` that names every field which any of the checks refuses: people correct a form once."""
    refusals: list[Invalid] = []
    for check in checks:
        try:
            check()
        except Invalid as refused:
            refusals.append(refused)
    if refusals:
        raise Invalid(
            "form_not_accepted",
            "Please correct the marked fields.",
            errors=[error for refused in refusals for error in refused.errors],
            next_step=next((refused.next_step for refused in refusals if refused.next_step), None),
        )
