"""What people type to say who they are: e-mail addresses, logins, passwords."""

import re
import unicodedata

from common.errors import FieldError, Invalid

SHORTEST_PASSWORD, LONGEST_PASSWORD = 6, 200
"""Characters. At least six is the hard rule, a better mixture only advice (ID-5, ID-6)."""
LONGEST_EMAIL = 254
# ASCII only: no look-alike letters of other alphabets, and nothing that could break a mail header.
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def canonical(login: str) -> str:
    """One spelling of a login (username or e-mail): `Mail@` and `mail@` are the same person (rule 3, D1)."""
    return login.strip().lower()


def canonical_email(text: str) -> str:
    """The address in its one spelling; `Invalid` when it cannot be one."""
    email = canonical(text)
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        message = "This is not an e-mail address we can write to."
        raise Invalid("email_invalid", message, errors=[FieldError("email", message)])
    return email


def masked(email: str) -> str:
    """The address so that its owner knows it and nobody else learns it (ID-22): `j***@e***.com`."""
    local, _, domain = email.partition("@")
    host, _, top = domain.rpartition(".")
    return f"{local[:1]}***@{host[:1]}***.{top}"


def check_password(password: str) -> None:
    """`Invalid` when the password is too short or too long; nothing else is demanded (ID-5, ID-6)."""
    message = ""
    if len(password) < SHORTEST_PASSWORD:
        message = f"The password needs at least {SHORTEST_PASSWORD} characters."
    elif len(password) > LONGEST_PASSWORD:
        message = f"The password may have at most {LONGEST_PASSWORD} characters."
    if message:
        raise Invalid("password_not_accepted", message, errors=[FieldError("password", message)])


def password_bytes(password: str) -> bytes:
    """What is hashed. Normalised, because keyboards compose the same accent differently (NIST 800-63B)."""
    return unicodedata.normalize("NFKC", password).encode()
