"""A Stripe of our own for what localstripe cannot: idempotency keys, refusals while off session, lost answers,
refunds that fail, messages about setups and refunds. Held against localstripe by one suite (test_card_provider).
"""

import asyncio
import hmac
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

Row = dict[str, Any]
DECLINED = {
    "4000000000000341": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
}
AUTHENTICATED = {"4000002760003184"}


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code


class FakeStripe:
    """`moved` is every amount that was ever charged, `answers` what was answered under which key."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.moved: list[tuple[str, int]] = []
        self.answers: dict[str, tuple[str, int, Row]] = {}
        self.events: list[Row] = []
        self.hooks: list[tuple[str, str]] = []
        self.before: dict[str, int] = {}
        """Path's end -> how many calls of it are lost on their way here."""
        self.after: dict[str, int] = {}
        """Path's end -> how many calls of it are carried out, and their answers lost."""
        self.refunds_fail = False
        self.asked: list[str] = []
        self.confirmed = asyncio.Event()
        self.gate: asyncio.Event | None = None
        """Answers to confirmations wait for it."""
        self._numbers = itertools.count(1)
        self._sending: set[asyncio.Task[None]] = set()
        self.app = web.Application()
        self.app.router.add_post("/_config/webhooks/{id}", self._hook)
        self.app.router.add_route("*", "/v1/{path:.*}", self._answer)

    # The wire

    async def _hook(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.hooks.append((str(form["url"]), str(form["secret"])))
        return web.Response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        form = {name: str(value) for name, value in (await request.post() or request.query).items()}
        end = path.rpartition("/")[2]
        self.asked.append(f"{request.method} {path}")
        if self._lost(self.before, end):
            return self._hang_up(request)
        status, body = self._once(request, path, form)
        if end == "confirm":
            self.confirmed.set()
            if self.gate is not None:
                await self.gate.wait()
        if self._lost(self.after, end):
            return self._hang_up(request)
        return web.json_response(body, status=status)

    def _once(self, request: web.Request, path: str, form: dict[str, str]) -> tuple[int, Row]:
        if not request.headers.get("Authorization", "").startswith("Bearer sk_"):
            return 401, {"error": {"type": "invalid_request_error"}}
        key = request.headers.get("Idempotency-Key")
        told = f"{path} {sorted(form.items())}"
        if key in self.answers:
            asked, status, body = self.answers[key]
            return (status, body) if asked == told else (400, {"error": {"type": "idempotency_error"}})
        try:
            status, body = 200, self._act(request.method, path.split("/"), form)
        except Refused as no:
            status, body = no.status, {"error": {"type": "card_error", "code": no.code}}
        body = json.loads(json.dumps(body))
        if key is not None:
            self.answers[key] = (told, status, body)
        return status, body

    @staticmethod
    def _lost(calls: dict[str, int], end: str) -> bool:
        if calls.get(end, 0) == 0:
            return False
        calls[end] -= 1
        return True

    @staticmethod
    def _hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    # What it does

    def _act(self, method: str, path: list[str], form: dict[str, str]) -> Row:
        if path == ["refunds"] and method == "GET":
            found = self._refunds_of(form["payment_intent"])
            return {"object": "list", "data": found, "has_more": False}
        if len(path) == 1:
            make: Callable[[dict[str, str]], Row] = getattr(self, f"_new_{path[0][:-1]}")
            return make(form)
        row = self.rows.get(path[1])
        if row is None:
            raise Refused(404, "resource_missing")
        if len(path) == 3:
            change: Callable[[Row, dict[str, str]], None] = getattr(self, f"_{path[0][:-1]}_{path[2]}")
            change(row, form)
        return row

    def _made(self, prefix: str, kind: str, form: dict[str, str], **more: Any) -> Row:
        metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        identity = f"{prefix}_{next(self._numbers):014}"
        row = {"id": identity, "object": kind, "metadata": metadata, **more}
        self.rows[identity] = row
        return row

    def _new_customer(self, form: dict[str, str]) -> Row:
        return self._made("cus", "customer", form)

    def _new_setup_intent(self, form: dict[str, str]) -> Row:
        made = self._made("seti", "setup_intent", form, customer=form["customer"], payment_method=None)
        return made | self._set(
            made, status="requires_payment_method", client_secret=f"{made['id']}_secret_x"
        )

    def _setup_intent_confirm(self, row: Row, form: dict[str, str]) -> None:
        number = form["payment_method_data[card][number]"]
        card = {"brand": "visa", "last4": number[-4:], "exp_year": 2030, "exp_month": 12}
        method = self._made("pm", "payment_method", {}, card=card, customer=row["customer"], number=number)
        row |= {"payment_method": method["id"], "status": "succeeded"}
        self._tell("setup_intent.succeeded", row)

    def _payment_method_attach(self, row: Row, form: dict[str, str]) -> None:
        row["customer"] = form["customer"]

    def _payment_method_detach(self, row: Row, form: dict[str, str]) -> None:
        if row["customer"] is None:
            raise Refused(400, "resource_missing")
        row["customer"] = None

    def _new_payment_intent(self, form: dict[str, str]) -> Row:
        method = self.rows.get(form["payment_method"])
        if method is None or method["customer"] != form["customer"]:
            raise Refused(400, "resource_missing")
        made = self._made(
            "pi",
            "payment_intent",
            form,
            amount=int(form["amount"]),
            amount_received=0,
            currency=form["currency"],
            payment_method=form["payment_method"],
            last_payment_error=None,
        )
        return self._set(made, status="requires_confirmation", client_secret=f"{made['id']}_secret_x")

    def _payment_intent_confirm(self, row: Row, form: dict[str, str]) -> None:
        if row["status"] != "requires_confirmation":
            raise Refused(400, "payment_intent_unexpected_state")
        number = self.rows[row["payment_method"]]["number"]
        if number in DECLINED:
            self._failed(row, DECLINED[number])
        if number in AUTHENTICATED and form.get("off_session") == "true":
            self._failed(row, "authentication_required")
        self.succeed(row)

    def _payment_intent__authenticate(self, row: Row, form: dict[str, str]) -> None:
        if form["success"] == "true":
            self.succeed(row)
        else:
            self._set(row, last_payment_error={"code": "payment_intent_authentication_failure"})

    def _payment_intent_cancel(self, row: Row, form: dict[str, str]) -> None:
        if row["status"] in ("succeeded", "canceled"):
            raise Refused(400, "payment_intent_unexpected_state")
        row["status"] = "canceled"

    def _new_refund(self, form: dict[str, str]) -> Row:
        intent = self.rows[form["payment_intent"]]
        of_intent = self._refunds_of(intent["id"])
        back = sum(one["amount"] for one in of_intent if one["status"] == "succeeded")
        if int(form["amount"]) > intent["amount_received"] - back:
            raise Refused(400, "charge_already_refunded")
        status = "failed" if self.refunds_fail else "succeeded"
        amount, more = int(form["amount"]), {"payment_intent": intent["id"], "status": status}
        return self._made("re", "refund", form, amount=amount, currency=intent["currency"], **more)

    def _refunds_of(self, intent: str) -> list[Row]:
        return [
            one for one in self.rows.values() if one["object"] == "refund" and one["payment_intent"] == intent
        ]

    def dispute(self, intent: str, amount: int | None = None, status: str = "needs_response") -> Row:
        """The card's owner has gone to their bank."""
        paid = self.rows[intent]
        found = {"payment_intent": intent, "currency": paid["currency"], "reason": "fraudulent"}
        amount = paid["amount_received"] if amount is None else amount
        row = self._made("dp", "dispute", {}, amount=amount, status=status, **found)
        self._tell("charge.dispute.created", row)
        return row

    def decide(self, row: Row, status: str, amount: int | None = None) -> None:
        self._set(row, status=status, amount=row["amount"] if amount is None else amount)
        self._tell("charge.dispute.closed" if status in ("won", "lost") else "charge.dispute.updated", row)

    def succeed(self, row: Row, amount: int | None = None) -> None:
        taken = row["amount"] if amount is None else amount
        self.moved.append((row["id"], taken))
        self._set(row, status="succeeded", amount_received=taken, last_payment_error=None)
        self._tell("payment_intent.succeeded", row)

    def _failed(self, row: Row, code: str) -> None:
        self._set(row, status="requires_payment_method", last_payment_error={"code": code})
        self._tell("payment_intent.payment_failed", row)
        raise Refused(402, code)

    @staticmethod
    def _set(row: Row, **more: Any) -> Row:
        row.update(more)
        return row

    # What it tells

    def _tell(self, kind: str, row: Row) -> None:
        event = {"object": "event", "type": kind, "data": {"object": json.loads(json.dumps(row))}}
        self.events.append(event)
        for url, secret in self.hooks:
            sending = asyncio.get_running_loop().create_task(self._send(url, secret, event))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    @staticmethod
    async def _send(url: str, secret: str, event: Row) -> None:
        body, headers = signed(event, secret, int(time.time()))
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers):
            pass


def signed(event: Row, secret: str, at: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a message, as Stripe sends it."""
    body = json.dumps(event).encode()
    signature = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()
    return body, {"Stripe-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}
