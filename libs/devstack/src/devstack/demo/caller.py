"""A client of the public API."""

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from devstack.demo.stage import NotAsTold

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A W3C trace that this client begins, marked to be recorded."""

    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


class Caller:
    """Somebody who asks the gateway; with a token once signed in."""

    def __init__(self, http: aiohttp.ClientSession, gateway: str, token: str = "") -> None:
        self.http, self.gateway, self.token = http, gateway, token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        status: int = 200,
        trace: TraceContext | None = None,
    ) -> Json:
        """The JSON that was answered, empty for none. Errors: NotAsTold with the problem that came instead
        of `status`."""
        headers = self.headers
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if trace is not None:
            headers["traceparent"] = trace.traceparent
        async with self.http.request(method, self.gateway + path, json=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status != status:
                raise NotAsTold(f"{method} {path}", f"status {status}", f"{answer.status} {text[:500]}")
            content: Json = await answer.json(content_type=None) if text else {}
            return content
