"""OpenID Connect issuers, asked as a relying party (OpenID Connect Core 1.0, RFC 9700).

Authorisation code with PKCE, state and nonce. Whatever an issuer's description says, only its configured
hosts are asked, without following redirects, for so long and so much.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from common.clock import Clock
from common.errors import Unauthenticated, Unavailable
from identity.domain.federation import Foreigner, Provider, foreigner

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Signatures that are believed: none that needs no key, none that needs a shared one."""
SECONDS: Final = 5.0
LONGEST: Final = 256 * 1024
LEEWAY: Final = 60
FRESH: Final = 3600.0
"""Seconds an issuer's description and keys are kept."""
ASK_AGAIN: Final = 60.0
"""Seconds until an unknown key makes us ask again."""
log = structlog.get_logger("openid")


@dataclass(frozen=True, slots=True)
class Described:
    """What an issuer says about itself."""

    document: Mapping[str, Any]
    keys: KeySet
    read_at: float


class OpenIdIssuers:
    """`insecure`: http is fine too; for development."""

    def __init__(self, clock: Clock, *, insecure: bool) -> None:
        self._clock = clock
        self._schemes = ("https", "http") if insecure else ("https",)
        self._known: dict[str, Described] = {}
        self._lock = asyncio.Lock()

    async def authorization_url(self, provider: Provider, parameters: Mapping[str, str]) -> str:
        """Where the browser goes."""
        described = await self._described(provider)
        endpoint = self._endpoint(provider, described.document, "authorization_endpoint")
        query = {"client_id": provider.client_id, "response_type": "code", **parameters}
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def redeem(
        self, provider: Provider, code: str, verifier: str, nonce: str, redirect_uri: str
    ) -> Foreigner:
        """Who came back with this code. `Unauthenticated` when it proves nothing, `Unavailable` when the
        issuer cannot be asked."""
        described = await self._described(provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        methods = described.document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if provider.client_secret and "client_secret_basic" in methods:
            # Both are form-encoded first (RFC 6749, 2.3.1).
            login = aiohttp.BasicAuth(quote(provider.client_id, ""), quote(provider.client_secret, ""))
            headers["Authorization"] = login.encode()
        else:
            form["client_id"] = provider.client_id
            if provider.client_secret:
                form["client_secret"] = provider.client_secret
        endpoint = self._endpoint(provider, described.document, "token_endpoint")
        answer = await self._fetch("POST", endpoint, form, headers)
        return await self._verified(provider, str(answer.get("id_token", "")), nonce)

    async def _verified(self, provider: Provider, id_token: str, nonce: str) -> Foreigner:
        """OpenID Connect Core, 3.1.3.7."""
        try:
            header = orjson.loads(urlsafe_b64decode(id_token.partition(".")[0].encode()))
            described = await self._described(provider, str(header.get("kid", "")))
            claims = jwt.decode(id_token, described.keys, algorithms=list(ALGORITHMS)).claims
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock.timestamp()),
                leeway=LEEWAY,
                iss={"essential": True, "value": provider.issuer},
                aud={"essential": True, "value": provider.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(claims)
            several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
            if claims.get("azp", None if several else provider.client_id) != provider.client_id:
                raise ValueError("issued for somebody else")
            if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
                raise ValueError("sub")
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("id token refused", provider=provider.id, error=repr(error))
            raise _refused() from None
        return foreigner(claims)

    async def _described(self, provider: Provider, kid: str = "") -> Described:
        """The issuer's description and keys; read again when old, or when `kid` is not among the keys."""
        async with self._lock:
            known, now = self._known.get(provider.id), time.monotonic()
            age = now - known.read_at if known else FRESH
            missing = bool(kid) and known is not None and not _has(known.keys, kid)
            if known is not None and age < (ASK_AGAIN if missing else FRESH):
                return known
            try:
                found = Described(*await self._read(provider), now)
            except (Unavailable, Unauthenticated):
                if known is None:
                    raise
                return known  # better than nobody gets in while the issuer's description cannot be read
            self._known[provider.id] = found
            return found

    async def _read(self, provider: Provider) -> tuple[Mapping[str, Any], KeySet]:
        url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        self._check(provider, url)
        document = await self._fetch("GET", url)
        if document.get("issuer") != provider.issuer:
            log.error("issuer names itself otherwise", provider=provider.id, issuer=document.get("issuer"))
            raise _away()
        keys = await self._fetch("GET", self._endpoint(provider, document, "jwks_uri"))
        try:
            signing = [key for key in keys["keys"] if key.get("use", "sig") == "sig" and key["kty"] != "oct"]
            return document, KeySet.import_key_set({"keys": signing})
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("issuer's keys not understood", provider=provider.id, error=repr(error))
            raise _away() from None

    def _endpoint(self, provider: Provider, document: Mapping[str, Any], name: str) -> str:
        url = str(document.get(name, ""))
        self._check(provider, url)
        return url

    def _check(self, provider: Provider, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in self._schemes or parts.netloc not in provider.hosts:
            log.error("not a host of this issuer's", provider=provider.id, host=parts.netloc)
            raise _away()

    async def _fetch(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] = {}
    ) -> dict[str, Any]:
        """A JSON object. `Unauthenticated` when the issuer says that the request is wrong."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                aiohttp.ClientSession(headers={"Accept": "application/json"}) as http,
                http.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                if form is not None and answer.status in (400, 401):
                    log.warning("issuer refused", host=urlsplit(url).netloc, status=answer.status)
                    raise _refused()
                body = await _limited(answer.content)
                document = orjson.loads(body)
                if answer.status != 200 or not isinstance(document, dict):
                    raise ValueError(f"status {answer.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("issuer not asked", host=urlsplit(url).netloc, error=repr(error))
            raise _away() from None
        return document


async def _limited(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for part in content.iter_any():
        body += part
        if len(body) > LONGEST:
            raise ValueError("too long")
    return body


def _has(keys: KeySet, kid: str) -> bool:
    known: Sequence[Any] = keys.keys
    return any(key.kid == kid for key in known)


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "not_proved", "The other side did not confirm who you are", next_step="Begin again."
    )


def _away() -> Unavailable:
    return Unavailable("provider_unavailable", "The other side cannot be asked just now", retry_after=30)
