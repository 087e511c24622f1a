"""A pair of tokens as identity hands it out."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_TOKEN: Final = re.compile(r"[A-Za-z0-9_.=-]{1,3500}")


class Tokens(NamedTuple):
    """`refresh` works once; `expires_in`: seconds that `access` lives."""

    access: str
    refresh: str
    expires_in: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Tokens":
        """From an answer of identity's; ValueError when there is none in it."""
        tokens = cls(answer["access_token"], answer["refresh_token"], answer["expires_in"])
        if not (fit(tokens.access) and fit(tokens.refresh) and isinstance(tokens.expires_in, int)):
            raise ValueError("no tokens")
        return tokens


def fit(token: object) -> bool:
    """Whether it can stand in a header as it is: letters that mean nothing there (RFC 6750, 2.1)."""
    return isinstance(token, str) and _TOKEN.fullmatch(token) is not None
