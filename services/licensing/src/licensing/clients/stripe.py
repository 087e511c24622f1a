"""Stripe behind the port of card processors.

A client of our own rather than the `stripe` package: see decision 18.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from common.clock import Clock
from common.errors import Unauthenticated
from common.ids import OrganisationId
from licensing.clients.stripe_http import StripeHttp
from licensing.clients.stripe_money import chargeable, from_stripe, to_stripe
from licensing.clients.stripe_signature import must_be_signed
from licensing.domain.card import Card
from licensing.domain.charge import Charge, Intent, IntentState
from licensing.domain.dispute import DisputeOutcome, DisputeState
from licensing.domain.refund import Refund, RefundOutcome, RefundState
from licensing.service.card_provider import (
    About,
    Notice,
    ProviderRefused,
    ProviderSilent,
    StartedSetup,
)

_NAME = re.compile(r"[a-z]{2,12}_[A-Za-z0-9_]{1,120}")
_INTENTS = {
    "requires_confirmation": IntentState.UNCONFIRMED,
    "requires_action": IntentState.AUTHENTICATION,
    "succeeded": IntentState.PAID,
    "canceled": IntentState.CANCELLED,
    "requires_payment_method": IntentState.DECLINED,
}
_REFUNDS = {
    "succeeded": RefundState.DONE,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
_DISPUTES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.WON,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_ABOUT = {
    "payment_intent": About.CHARGE,
    "setup_intent": About.SETUP,
    "refund": About.REFUND,
    "dispute": About.DISPUTE,
}


class StripeProvider:
    name = "stripe"

    def __init__(self, http: StripeHttp, publishable_key: str, webhook_secret: str, clock: Clock) -> None:
        self._http = http
        self._publishable_key = publishable_key
        self._webhook_secret = webhook_secret
        self._clock = clock

    def chargeable(self, amount: int, currency: str) -> int:
        return chargeable(amount, currency)

    # Cards

    async def customer(self, organisation: OrganisationId) -> str:
        form = {"metadata[organisation]": organisation}
        return _name(await self._http.ask("POST", "customers", form, key=f"{organisation}-customer"))

    async def start_setup(self, customer: str, setup: str) -> StartedSetup:
        form = {
            "customer": customer,
            "usage": "off_session",
            "payment_method_types[]": "card",
            "metadata[setup]": setup,
        }
        made = await self._http.ask("POST", "setup_intents", form, key=f"{setup}-setup")
        return StartedSetup(_name(made), str(made.get("client_secret", "")), self._publishable_key)

    async def card(self, setup: str) -> Card | None:
        found = await self._http.ask("GET", f"setup_intents/{setup}")
        if found.get("status") != "succeeded":
            return None
        reference = _named(found.get("payment_method"))
        method = await self._http.ask("GET", f"payment_methods/{reference}")
        customer = _named(found.get("customer"))
        if method.get("customer") != customer:  # Stripe has done it with the setup already
            form = {"customer": customer}
            method = await self._http.ask("POST", f"payment_methods/{reference}/attach", form)
        return _card(reference, method.get("card"))

    async def forget(self, card: str) -> None:
        try:
            await self._http.ask("POST", f"payment_methods/{card}/detach")
        except ProviderRefused:  # it is not attached any more
            method = await self._http.ask("GET", f"payment_methods/{card}")
            if method.get("customer") is not None:
                raise

    # Charges

    async def prepare(self, charge: Charge) -> Intent:
        try:
            amount = to_stripe(charge.amount, charge.currency)
        except ValueError as error:
            raise ProviderRefused("amount_not_chargeable") from error
        form = {
            "amount": str(amount),
            "currency": charge.currency.lower(),
            "customer": charge.customer,
            "payment_method": charge.card,
            "payment_method_types[]": "card",
            "metadata[charge]": charge.id,
            "metadata[invoice]": charge.number,
            "metadata[organisation]": charge.organisation,
        }
        # Stripe keeps an answer by its key, its own failures too: each try has one of its own.
        key = f"{charge.id}-intent-{charge.tries}"
        return _intent(await self._http.ask("POST", "payment_intents", form, key=key))

    async def confirm(self, charge: Charge) -> Intent:
        intent, key = charge.intent or "", f"{charge.id}-confirm-{charge.tries}"
        try:
            form = {"off_session": "true"}
            return _intent(await self._http.ask("POST", f"payment_intents/{intent}/confirm", form, key=key))
        except ProviderRefused:  # declined, or confirmed before: the intent knows
            return await self.look(intent)

    async def look(self, intent: str) -> Intent:
        try:
            return _intent(await self._http.ask("GET", f"payment_intents/{intent}"))
        except ProviderRefused as refusal:  # it was there: another account's key, perhaps
            raise ProviderSilent(f"{intent}: {refusal.code}") from refusal

    async def cancel(self, intent: str) -> Intent:
        try:
            return _intent(await self._http.ask("POST", f"payment_intents/{intent}/cancel"))
        except ProviderRefused:
            return await self.look(intent)

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Looked for first: Stripe forgets keys after a day, and a refund has no state before it is made."""
        query = {"payment_intent": refund.intent, "limit": "100"}
        try:
            found = await self._http.ask("GET", "refunds", query)
        except ProviderRefused as refusal:
            raise ProviderSilent(f"refunds of {refund.intent}: {refusal.code}") from refusal
        for one in found.get("data", []):
            if (one.get("metadata") or {}).get("refund") == refund.id:
                return _refund(one)
        if found.get("has_more"):
            raise ProviderSilent("more refunds than can be looked through")
        form = {
            "payment_intent": refund.intent,
            "amount": str(to_stripe(refund.amount, refund.currency)),
            "metadata[refund]": refund.id,
        }
        return _refund(await self._http.ask("POST", "refunds", form, key=f"{refund.id}-refund"))

    async def dispute(self, reference: str) -> DisputeOutcome:
        return _dispute(await self._http.ask("GET", f"disputes/{reference}"))

    # What it tells us

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        if not self._webhook_secret:
            raise Unauthenticated("signature_invalid", "No secret is set up for the processor's messages")
        signature = headers.get("Stripe-Signature", "")
        must_be_signed(body, signature, self._webhook_secret.encode(), self._clock.timestamp())
        try:
            event = orjson.loads(body)
            told = event["data"]["object"]
            about, reference = _ABOUT.get(told["object"]), str(told["id"])
        except (ValueError, KeyError, TypeError):
            return None
        if about is None or event.get("account") is not None or not _NAME.fullmatch(reference):
            return None  # not our kind of thing, or of an account connected to ours
        return Notice(about, reference)


def _intent(found: Mapping[str, Any]) -> Intent:
    error = found.get("last_payment_error") or {}
    reason = str(error.get("decline_code") or error.get("code") or "")[:60]
    state = _INTENTS.get(str(found.get("status")), IntentState.RUNNING)
    if state is IntentState.DECLINED and reason == "authentication_required":
        state = IntentState.AUTHENTICATION
    currency = str(found.get("currency", "")).upper()
    taken = found.get("amount_received") if state is IntentState.PAID else None
    try:
        amount = from_stripe(int(found["amount"] if taken is None else taken), currency)
    except (ValueError, KeyError, TypeError):
        amount = -1
    return Intent(_name(found), state, amount, currency, str(found.get("client_secret") or ""), reason)


def _refund(found: Mapping[str, Any]) -> RefundOutcome:
    state = _REFUNDS.get(str(found.get("status")), RefundState.RUNNING)
    return RefundOutcome(_name(found), state, str(found.get("failure_reason") or "")[:60])


def _dispute(found: Mapping[str, Any]) -> DisputeOutcome:
    state, currency = _DISPUTES.get(str(found.get("status"))), str(found.get("currency", "")).upper()
    if state is None:  # money moves by what is said here: better none than by guess
        raise ProviderSilent(f"a dispute is {str(found.get('status'))[:60]!r}")
    try:
        amount = from_stripe(int(found["amount"]), currency)
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderSilent("a dispute without an amount") from error
    intent, reason = _named(found.get("payment_intent")), str(found.get("reason") or "")[:60]
    return DisputeOutcome(_name(found), intent, state, amount, currency, reason)


def _card(reference: str, shown: Any) -> Card:
    try:
        expires = f"{int(shown['exp_year']):04}-{int(shown['exp_month']):02}"
        return Card(reference, str(shown["brand"])[:30], str(shown["last4"])[:4], expires)
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderSilent(f"{reference} is no card") from error


def _name(found: Mapping[str, Any]) -> str:
    return _named(found.get("id"))


def _named(reference: Any) -> str:
    if not isinstance(reference, str) or not _NAME.fullmatch(reference):
        raise ProviderSilent(f"{str(reference)[:60]!r} is no name of Stripe's")
    return reference
