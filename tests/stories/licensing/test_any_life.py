"""Whatever is asked, heard and paid, in whatever order and how often: a licence moves by the table alone.

A bigger search: VEDETTE_TEST_LIVES=500.
"""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.auth import Role
from common.contracts.identity import OrganisationCreated
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.ids import CameraId, OrganisationId
from licensing.domain.plans import entitlements
from licensing.domain.shipped_plans import SHIPPED
from licensing.domain.states import EFFECTS, TABLE, State
from stories.licensing.card_house import CardStory, card_house
from stories.licensing.lives import TRIAL, Model

T = TypeVar("T")
LIVES = int(os.environ.get("VEDETTE_TEST_LIVES", "12"))
pytestmark = pytest.mark.timeout(60 + 5 * LIVES)
ORGANISATIONS = ("org-a", "org-b")
DEVICES = ("mac:1", "mac:2", "mac:3")
PLANS = {(one.name, one.version): one for one in SHIPPED}
LEGAL = {(one.cause.value, one.source and one.source.value, one.target.value) for one in TABLE}
organisations = st.sampled_from(ORGANISATIONS)
devices = st.sampled_from(DEVICES)
which = st.integers(0, 30)


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.that: CardStory = self.do(self.stack.enter_async_context(card_house(trial_days=TRIAL.days)))
        self.model = Model()
        self.held: list[CameraConnected | CameraRemoved] = []
        """Said, and not heard yet."""
        self.heard: list[CameraConnected | CameraRemoved] = []
        self.holds: dict[str, tuple[str, str, int]] = {}
        """Device -> organisation, camera, the camera's version."""
        self.cameras = self.transfers = 0
        self.disputes: dict[str, Any] = {}
        """By the intent."""
        self.did: set[str] = set()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            return await asyncio.wait_for(work, 10)

        return self.runner.run(in_time())

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()
        for state in {one.state for one in self.that.it.bus.said(LicenceChanged)}:
            event(f"somebody was {state}")
        for done in self.did:
            event(done)

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        return self.do(self.that.it.ask(method, path, body, **more))

    @initialize(days=st.sampled_from([0, 2, 35, 50, 70, 100]))
    def begin(self, days: int) -> None:
        """Somewhere in the middle of a life: in a trial, with a bill, overdue, in arrears."""
        now = self.that.it.house.clock.now()
        for who in ORGANISATIONS:
            created = OrganisationCreated(
                organisation=OrganisationId(who), version=1, at=now, name=who, kind="customer",
                time_zone="UTC", currency="EUR", language="en",
            )  # fmt: skip
            self.do(self.that.it.hear(created))
            self.connect(DEVICES[ORGANISATIONS.index(who)], who, at_once=True)
        self.do(self.that.add_card())
        for _ in range(0, days, 5):
            self.clock_forward(5, seen_to=True)
            self.every_licence_is_where_it_belongs_and_allows_what_its_state_allows()

    # What others say, at once or later, in this order or another

    @rule(device=devices, who=organisations, at_once=st.booleans())
    def connect(self, device: str, who: str, at_once: bool) -> None:
        if device not in self.holds:
            self.say(self.connected(device, who), at_once)

    @rule(device=devices, at_once=st.booleans())
    def remove(self, device: str, at_once: bool) -> None:
        if device in self.holds:
            self.say(self.removed(device), at_once)

    @rule(device=devices, at_once=st.booleans(), backwards=st.booleans())
    def transfer(self, device: str, at_once: bool, backwards: bool) -> None:
        if device in self.holds:
            other = ORGANISATIONS[self.holds[device][0] == ORGANISATIONS[0]]
            told: list[CameraConnected | CameraRemoved] = [
                self.removed(device),
                self.connected(device, other),
            ]
            for one in reversed(told) if backwards else told:
                self.say(one, at_once)

    @precondition(lambda self: self.held)
    @rule(place=which)
    def hear(self, place: int) -> None:
        self.say(self.held.pop(place % len(self.held)), at_once=True)

    @precondition(lambda self: self.heard)
    @rule(place=which)
    def hear_again(self, place: int) -> None:
        before = self.everything()
        self.do(self.that.it.hear(self.heard[place % len(self.heard)]))
        assert self.everything() == before

    def say(self, one: CameraConnected | CameraRemoved, at_once: bool) -> None:
        if not at_once:
            self.held.append(one)
            return
        self.do(self.that.it.hear(one))
        self.heard.append(one)
        self.model.hear(one)

    def connected(self, device: str, who: str) -> CameraConnected:
        self.cameras += 1
        self.holds[device] = (who, f"camera-{self.cameras}", 2)
        return CameraConnected(first=True, **self.facts(device, 2))

    def removed(self, device: str) -> CameraRemoved:
        facts = self.facts(device, 3)
        del self.holds[device]
        return CameraRemoved(**facts)

    def facts(self, device: str, version: int) -> dict[str, Any]:
        who, camera, _ = self.holds[device]
        known = {"organisation": OrganisationId(who), "camera": CameraId(camera), "device": device}
        return known | {"version": version, "at": self.that.it.house.clock.now(), "name": ""}

    # What people ask for, each time twice

    @precondition(lambda self: any(one.connected for one in self.model.cameras.values()))
    @rule(place=which, what=st.sampled_from(["off", "on", "basic", "standard", "premium"]))
    def move(self, place: int, what: str) -> None:
        names = sorted(name for name, one in self.model.cameras.items() if one.connected)
        camera = self.model.cameras[name := names[place % len(names)]]
        (licence,) = self.ask("GET", f"/licences?camera={name}", organisation=camera.organisation)["items"]
        path = f"/licences/{licence['id']}/{what if what in ('off', 'on') else 'plan'}"
        asked = ("POST", path) if what in ("off", "on") else ("PUT", path, {"plan": what})
        other = ORGANISATIONS[camera.organisation == ORGANISATIONS[0]]
        self.ask(*asked, organisation=other, status=404)
        if camera.removed and what != camera.plan:  # to keep its plan is no change
            answer = self.ask(*asked, organisation=camera.organisation, status=409)
            assert answer["code"] == "licence_ended"
            return
        camera.off = what == "off" or (camera.off and what != "on")
        camera.plan = what if what not in ("off", "on") else camera.plan
        first = self.ask(*asked, organisation=camera.organisation)
        before = self.everything()
        assert self.ask(*asked, organisation=camera.organisation) == first
        assert self.everything() == before

    # Money

    @rule(who=organisations, share=st.sampled_from([1, 50, 100, 100, 130]))
    def transfer_money(self, who: str, share: int) -> None:
        owed = self.account(who)["outstanding"].get("EUR", 100)
        self.transfers += 1
        body = {
            "organisation": who, "amount": max(owed * share // 100, 1), "currency": "EUR",
            "reference": f"bank-{self.transfers}", "received_on": "2026-03-01",
        }  # fmt: skip
        first = self.ask("POST", "/payments", body, role=Role.STAFF_ADMIN, status=201)
        before = self.everything()
        assert self.ask("POST", "/payments", body, role=Role.STAFF_ADMIN, status=200) == first
        assert self.everything() == before

    @rule()
    def pay_by_card(self) -> None:
        """And the processor tells it twice."""
        if owed := self.account("org-a")["open"]:
            assert self.do(self.that.pay(owed[0]["invoice"]))["state"] == "paid"
            before = self.everything()
            told = [one for one in self.that.stripe.events if one["type"] == "payment_intent.succeeded"]
            for one in (told[-1], told[0]):
                self.do(self.that.tell(one))
            assert self.everything() == before
            self.did.add("a card paid")

    @rule(place=which)
    def refund(self, place: int) -> None:
        """A credit note for all of an invoice, and back to the card what is left of it."""
        invoices = [one for one in self.ask("GET", "/invoices")["items"] if one["kind"] == "invoice"]
        noted = {one["corrects"] for one in self.ask("GET", "/invoices")["items"]}
        invoices = [one for one in invoices if one["id"] not in noted and one["total"] > 0]
        if invoices:
            note = self.do(self.that.credited(invoices[place % len(invoices)]))
            body = {"organisation": "org-a", "credit_note": note["id"]}
            self.do(self.send_back(body))

    async def send_back(self, body: dict[str, Any]) -> None:
        it = self.that.it
        headers = {"Authorization": f"Bearer {it.house.keys.token(role=Role.STAFF_ADMIN)}"}
        answer = await it.client.post("/api/v1/refunds", json=body, headers=headers)
        assert answer.status in (201, 409), await answer.text()
        self.did.add(f"a refund was answered with {answer.status}")

    @precondition(lambda self: self.that.stripe.moved)
    @rule(place=which)
    def dispute(self, place: int) -> None:
        """Somebody asks the bank for a payment back; a payment has one dispute."""
        intent, _ = self.that.stripe.moved[place % len(self.that.stripe.moved)]
        if intent not in self.disputes:
            self.disputes[intent] = self.that.stripe.dispute(intent)
            self.tell_twice()

    @precondition(lambda self: self.disputes)
    @rule(place=which, status=st.sampled_from(["under_review", "won", "lost", "warning_closed"]))
    def bank_decides(self, place: int, status: str) -> None:
        disputes = list(self.disputes.values())
        self.that.stripe.decide(disputes[place % len(disputes)], status)
        self.tell_twice()

    def tell_twice(self) -> None:
        event = self.that.stripe.events[-1]
        self.do(self.that.tell(event))
        before = self.everything()
        self.do(self.that.tell(event))
        assert self.everything() == before
        self.did.add("a dispute")

    # Time

    @rule(days=st.sampled_from([0.05, 1, 3, 9, 16, 31]), seen_to=st.sampled_from([True, True, False]))
    def clock_forward(self, days: float, seen_to: bool) -> None:
        """Trials end, months are billed, debts command: whenever the background finds the time."""
        self.that.it.house.clock.advance(timedelta(days=days, milliseconds=7))
        if seen_to:
            self.do(self.that.it.work())
            self.do(self.that.it.bus.deliver())

    # What must always hold

    def account(self, who: str) -> Any:
        return self.ask("GET", "/billing-account", organisation=who)

    def everything(self) -> Any:
        """All that is kept and all that was said; only marks of requests and events are left out."""
        kept = self.that.it.house.databases["licensing"].collections
        rows = {name: dict(rows) for name, rows in kept.items() if name not in ("inbox", "outbox", "records")}
        said = [one for one in self.that.it.bus.published if one.wire.startswith(("licensing.", "audit."))]
        return rows, len(said)

    @invariant()
    def every_licence_is_where_it_belongs_and_allows_what_its_state_allows(self) -> None:
        now = self.that.it.house.clock.now()
        for who in ORGANISATIONS:
            self.model.owes(who, self.account(who)["open"], now)
            licences = self.ask("GET", "/licences?limit=100", organisation=who)["items"]
            found = {one["camera"]: State(one["state"]) for one in licences}
            assert found == self.model.states(who, now)
            assert len(found) == len(licences), "one licence for a camera"
            for one in licences:
                effects, rights = EFFECTS[State(one["state"])], one["entitlements"]
                told = (
                    rights["portal_features"],
                    rights["recording"] or not effects.recording,
                    rights["charged"],
                )
                assert told == (effects.portal_features, True, effects.charged)
                plan = entitlements(PLANS[one["plan"], one["plan_version"]], State(one["state"]))
                assert rights["simultaneous_accesses"] == plan.simultaneous_accesses
                assert one["plan"] == self.model.cameras[one["camera"]].plan

    @invariant()
    def every_step_that_was_told_is_a_line_of_the_table(self) -> None:
        steps: dict[str, list[LicenceChanged]] = defaultdict(list)
        for one in self.that.it.bus.said(LicenceChanged):
            steps[one.licence].append(one)
        for told in steps.values():
            assert [one.version for one in told] == list(range(1, len(told) + 1))
            previous = None
            for one in told:
                assert one.previous == previous
                assert (one.cause, one.previous, one.state) in LEGAL
                previous = one.state

    @invariant()
    def a_camera_has_one_open_interval_at_most(self) -> None:
        for who in ORGANISATIONS:
            open_ones: Counter[str] = Counter()
            for licence in self.ask("GET", "/licences?limit=100", organisation=who)["items"]:
                told = self.ask("GET", f"/licences/{licence['id']}", organisation=who)["intervals"]
                open_ones[licence["camera"]] += sum(one["end"] is None for one in told)
                ends = [one["end"] for one in told[:-1]]
                assert ends == [one["start"] for one in told[1:]], "no gap and no overlap"
            assert set(open_ones.values()) <= {1}

    @invariant()
    def the_ledger_sums_to_zero_and_says_what_accounts_say(self) -> None:
        kept = self.that.it.house.databases["licensing"].collections
        books: Counter[tuple[str, str]] = Counter()
        for row in kept.get("ledger", {}).values():
            assert sum(one["amount"] for one in row["postings"]) == 0
            for one in row["postings"]:
                books[row["organisation"], one["book"]] += one["amount"]
        for who in ORGANISATIONS:
            account = self.account(who)
            assert books[who, "receivables"] == account["outstanding"].get("EUR", 0)
            assert -books[who, "credits"] == account["credit"].get("EUR", 0)


# Some seconds; on a crowded machine minutes.
TestLives = pytest.mark.timeout(600)(Lives.TestCase)
TestLives.settings = settings(
    max_examples=LIVES,
    phases=(Phase.generate,),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
