"""An OpenID Connect issuer that keeps the rules as strictly as it breaks them when it is told to."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from common.testing import MemoryHouse

CLIENT, SECRET = "vedette client", "sec/ret:1"


@dataclass(slots=True)
class Issuer:
    house: MemoryHouse
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))
    published: list[RSAKey] = field(default_factory=list)
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "grace",
            "email": "grace@navy.example",
            "email_verified": True,
            "given_name": "Grace",
            "family_name": "Hopper",
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token that are other than they should be; None: missing."""
    document: dict[str, Any] = field(default_factory=dict)
    """The same of the issuer's description."""
    forge: Callable[[str], str] | None = None
    """Nonce -> another ID token."""
    slow: bool = False
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def setting(self, **more: Any) -> SecretStr:
        told = {
            "id": "work",
            "name": "Work",
            "issuer": self.url,
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
        return SecretStr(json.dumps([told | more]))

    def visit(self, url: str) -> dict[str, str]:
        """What a person does there; returns what the browser comes back with."""
        query = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/authorize?")
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == "https://portal.example/sign-in/callback"
        assert "openid" in query["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.slow:
            await asyncio.sleep(30)
        match request.path:
            case "/.well-known/openid-configuration":
                return web.json_response(self._document())
            case "/keys":
                keys = [key.as_dict(private=False) for key in self.published or [self.key]]
                return web.json_response({"keys": keys})
            case "/token":
                return await self._token(request)
            case "/huge":
                return web.Response(body=b'{"keys": [' + b" " * 1_000_000 + b"]}")
            case _:
                raise web.HTTPFound("/keys")

    def _document(self) -> dict[str, Any]:
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return {name: value for name, value in (usual | self.document).items() if value is not None}

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        login = base64.b64encode(b"vedette%20client:sec%2Fret%3A1").decode()
        asked = self.codes.pop(str(form.get("code")), None)
        if asked is None or request.headers.get("Authorization") != f"Basic {login}":
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        right = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        if not right or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.forge(asked["nonce"]) if self.forge else self.signed(asked["nonce"])
        return web.json_response({"id_token": token, "access_token": "unused", "token_type": "Bearer"})

    def signed(self, nonce: str) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, self.said(nonce), self.key, ["RS256"])

    def said(self, nonce: str) -> dict[str, Any]:
        """The claims of an ID token."""
        now = int(self.house.clock.timestamp())
        usual = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = usual | self.person | self.claims
        return {name: value for name, value in claims.items() if value is not None}


@asynccontextmanager
async def issuer(house: MemoryHouse) -> AsyncIterator[Issuer]:
    one = Issuer(house)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.serve)
    async with TestServer(app) as server:
        one.url = f"http://{server.host}:{server.port}"
        yield one
