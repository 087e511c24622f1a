"""A browser's cookies (RFC 6265bis): how they are named, read and set.

`__Host-` makes the browser keep a cookie to this very host, over https, for every path: no other host of the
same domain can set or replace it. (It rules out a narrower `Path`; a cookie that renews itself in passing has
to come with every request anyway.) On plain http, in development, browsers refuse that name.
"""

from collections.abc import Iterable
from typing import Final

from gateway.domain.tokens import Tokens, fit

KEPT: Final = 400 * 24 * 3600
"""Seconds, the most that browsers grant. How long a session lives is identity's to say, not the cookie's."""


class Cookies:
    """The names and attributes of one gateway."""

    def __init__(self, *, https: bool) -> None:
        prefix, secure = ("__Host-", " Secure;") if https else ("", "")
        self.access = f"{prefix}vedette_access"
        self.refresh = f"{prefix}vedette_refresh"
        self._attributes = f"Path=/;{secure} HttpOnly; SameSite=Strict"

    def read(self, headers: Iterable[str]) -> tuple[str | None, str | None]:
        """Access and refresh token. One that is there twice is not believed: one of the two is forged."""
        found: dict[str, list[str]] = {self.access: [], self.refresh: []}
        for header in headers:
            for pair in header.split(";"):
                name, _, value = pair.strip().partition("=")
                if name in found:
                    found[name].append(value)
        access, refresh = (values[0] if len(values) == 1 else None for values in found.values())
        return access if fit(access) else None, refresh if fit(refresh) else None

    def keep(self, tokens: Tokens) -> list[str]:
        """The `Set-Cookie` values that hand a browser its tokens."""
        return [
            f"{self.access}={tokens.access}; Max-Age={tokens.expires_in}; {self._attributes}",
            f"{self.refresh}={tokens.refresh}; Max-Age={KEPT}; {self._attributes}",
        ]

    def forget(self) -> list[str]:
        """The `Set-Cookie` values that take them away."""
        return [f"{name}=; Max-Age=0; {self._attributes}" for name in (self.access, self.refresh)]
