"""Any order of claims, resets, lost answers, moves by either order, rotations, contests with their decisions, and removals: the
device has one owner and one good token, the model's."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.auth import Actor, Role
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.errors import Conflict, NotFound, Unauthenticated
from common.ids import CameraId, OrganisationId, SessionId, UserId
from common.testing import MemoryHouse
from device.token import decrypted
from provisioning.domain import DeviceId, Proof, user_hashes
from provisioning.service import (
    CameraService,
    CredentialService,
    Delivery,
    DeliveryService,
    Presence,
    Tokens,
    Vault,
)
from provisioning.service.transfers import TransferService
from provisioning.service.vault import hash_of
from provisioning.store import INDEXES, CustodyStore, InventoryStore, KnownDeviceIndex, PresenceStore
from provisioning_site import claim_service, contest_service

DEVICE = DeviceId("mac:0040ff112233")
SECRET = "on its label"
ORGANISATIONS = ["org-a", "org-b", "org-c"]
T = TypeVar("T")
organisations = st.sampled_from(ORGANISATIONS)


def actor(organisation: str) -> Actor:
    return Actor(
        UserId(f"user-{organisation}"), OrganisationId(organisation), Role.SUPER_ADMIN, SessionId("s"), 4_000_000_000
    )  # fmt: skip


class Custody(RuleBasedStateMachine):
    """The model knows who holds the device, who waits (in order), and which token is in the device."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.house = MemoryHouse()
        parts = self.house.parts("provisioning")
        self.house.databases["provisioning"].indexes.extend(INDEXES)
        self.clock = self.house.clock
        self.store, self.custody = InventoryStore(parts.database), CustodyStore(parts.database)
        self.claims = claim_service(parts)
        self.contests = contest_service(parts)
        vault = Vault(parts.sealer)
        tokens = Tokens(vault, Delivery(lambda: "http://x", (), timedelta(days=3650)))
        self.transfers = TransferService(self.store, self.custody, self.clock, timedelta(days=7))
        presence = Presence(PresenceStore(parts.database), self.clock, timedelta(minutes=1))
        self.delivery = DeliveryService(
            self.store, vault, KnownDeviceIndex(), presence, self.transfers, tokens, self.clock
        )
        self.credentials = CredentialService(self.store, vault, tokens, self.clock)
        self.cameras = CameraService(self.store, presence, self.clock)
        self.asked = 0
        # The model.
        self.cameras_of: dict[str, str] = {}
        """Organisation -> its camera's id, as long as its claim lives."""
        self.holder: str | None = None
        self.waiting: list[str] = []
        """Those who typed the right secret, in order."""
        self.token: str | None = None
        """In the device."""
        self.good: set[str] = set()
        """Tokens that must work."""
        self.used = self.by_hand = False
        self.issued_at = self.clock.now()
        self.reset_ago: timedelta | None = None
        self.contested: str | None = None
        """Who contests a move of it."""
        self.given_back = False
        """To its holder, by staff."""
        self.moves = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            return await asyncio.wait_for(work, 5)

        return self.loop.run_until_complete(in_time())

    def teardown(self) -> None:
        event(f"moves: {min(self.moves, 5)}")
        self.loop.close()

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)
        if self.reset_ago is not None:
            self.reset_ago += by

    @initialize()
    def begin(self) -> None:
        """Connected in one organisation, where most stories begin."""
        self.claim("org-a", right=True)
        self.device_is_reset(minutes=0, connects=True)

    @rule(organisation=organisations, right=st.sampled_from([True, True, True, False]))
    def claim(self, organisation: str, right: bool) -> None:
        self.pass_time(timedelta(seconds=1))
        typing = self.claims.claim(actor(organisation), DEVICE, SECRET if right else "guess", None, None)
        if organisation in self.cameras_of:
            with pytest.raises(Conflict, match="already_claimed"):
                self.do(typing)
            return
        claim = self.do(typing)
        self.cameras_of[organisation] = claim.camera
        recently = self.reset_ago is not None and self.reset_ago <= timedelta(hours=1)
        if right and self.holder is not None and recently and not self.held_fast:
            self._moved(organisation)
            assert claim.state == "proved"
            self.good = set()
        else:
            assert claim.state == "waiting"
            if right:
                self.waiting.append(organisation)

    def _moved(self, to: str) -> None:
        assert self.holder is not None
        del self.cameras_of[self.holder]
        self._taken(to)
        self.moves += 1

    def _taken(self, by: str) -> None:
        """All others lose."""
        self.cameras_of = {by: self.cameras_of[by]}
        self.waiting = []
        self.holder, self.reset_ago, self.given_back = by, None, False

    @property
    def held_fast(self) -> bool:
        return self.contested is not None or self.given_back

    @precondition(lambda self: self.cameras_of)
    @rule(minutes=st.sampled_from([0, 1, 59, 61, 121]), connects=st.sampled_from([True, True, False]))
    def device_is_reset(self, minutes: int, connects: bool) -> None:
        """And asks; then it connects, unless the answer is lost."""
        self.device_asks(minutes)
        if connects and self.token in self.good:
            self.device_connects()

    @rule(to=organisations, claim_first=st.booleans())
    def sold(self, to: str, claim_first: bool) -> None:
        if claim_first:
            self.claim(to, right=True)
        self.device_is_reset(minutes=0, connects=True)
        if not claim_first:
            self.claim(to, right=True)
        self.device_is_reset(minutes=0, connects=True)

    def device_asks(self, minutes: int) -> None:
        self.pass_time(timedelta(minutes=minutes, seconds=1))
        issued_long_ago = self.good and self.token_age() > timedelta(hours=2)
        was_reset = bool(self.good) and (self.used or self.by_hand or issued_long_ago)
        compact = self.do(self.delivery.token_for(DEVICE, self.proof(), self.clock.timestamp() + 60))
        free = [one for one in self.waiting if self.contested in (None, one)]
        if self.holder is None and free:
            self._taken(free[0])
        elif self.holder is not None and was_reset and self.waiting and not self.held_fast:
            self._moved(self.waiting[0])
        elif self.holder is not None and was_reset:
            self.reset_ago = timedelta()
        assert (compact is not None) == (self.holder is not None)
        if compact is not None:
            self._given(compact, by_hand=False)

    def token_age(self) -> timedelta:
        return self.clock.now() - self.issued_at

    def _given(self, compact: bytes, *, by_hand: bool) -> None:
        token = decrypted(compact, DEVICE, SECRET)
        assert self.holder is not None
        assert token.camera == self.cameras_of[self.holder]
        self.token, self.used, self.by_hand, self.issued_at = (
            token.access_token,
            False,
            by_hand,
            self.clock.now(),
        )
        self.good = {token.access_token}

    def proof(self) -> Proof:
        self.asked += 1
        proof = Proof("0040ff112233", "/", f"{self.asked:014x}" + "0" * 32, "00000001", "c", "")
        hashes = user_hashes(DEVICE, SECRET)
        request = sha256(b"GET:/").hexdigest()
        text = f"{hashes[:32].hex()}:{proof.nonce}:{proof.count}:{proof.cnonce}:auth:{request}"
        proof.response = sha256(text.encode()).hexdigest()
        return proof

    @precondition(lambda self: self.token is not None)
    @rule()
    def device_connects(self) -> None:
        assert self.token is not None
        works = self.token in self.good
        try:
            self.do(self.delivery.connect(self.token, None, None))
        except Unauthenticated:
            assert not works
            self.token = None
        else:
            assert works
            self.used, self.good = True, {self.token}

    @precondition(lambda self: self.holder)
    @rule(organisation=organisations)
    def rotate(self, organisation: str) -> None:
        camera = CameraId(self.cameras_of.get(organisation, "none"))
        rotating = self.credentials.rotate(actor(organisation), camera)
        if organisation not in self.cameras_of:
            with pytest.raises(NotFound):
                self.do(rotating)
        elif organisation != self.holder or not self.good:
            with pytest.raises(Conflict, match="camera_not_proved"):
                self.do(rotating)
        else:
            old, issued = self.token if self.token in self.good else None, self.do(rotating)
            assert old is None or self._works(old), "for a while"
            self._given(issued.encrypted, by_hand=True)
            self.pass_time(timedelta(minutes=10))
            assert old is None or not self._works(old)

    def _works(self, token: str) -> bool:
        camera = self.do(self.store.camera_of_token(hash_of(token)))
        return camera is not None and camera.accepts(hash_of(token), self.clock.now())

    @precondition(lambda self: len(self.cameras_of) > 1)
    @rule(organisation=organisations)
    def remove(self, organisation: str) -> None:
        camera = CameraId(self.cameras_of.get(organisation, "none"))
        try:
            self.do(self.cameras.remove(OrganisationId(organisation), camera))
        except NotFound:
            assert organisation not in self.cameras_of
            return
        del self.cameras_of[organisation]
        if organisation == self.holder:
            self.holder, self.reset_ago, self.good, self.given_back = None, None, set(), False
        elif organisation in self.waiting:
            self.waiting.remove(organisation)

    @precondition(lambda self: self.moves > 0)
    @rule()
    def contest_or_withdraw(self) -> None:
        """Only one move is contested at a time here, so that the model stays simple."""
        for organisation in ORGANISATIONS:
            for transfer in self.do(self.transfers.page(OrganisationId(organisation), None, 100)):
                if transfer.from_organisation != organisation:
                    continue
                if self.contested and transfer.state == "contested":
                    self.do(self.transfers.withdraw(actor(organisation), transfer.id))
                    self.contested = None
                    return
                decided = transfer.state in ("upheld", "rejected")
                if not self.contested and not decided and self.clock.now() <= transfer.contest_until:
                    self.do(self.transfers.contest(actor(organisation), transfer.id, "mine"))
                    self.contested = organisation
                    return

    @precondition(lambda self: self.contested)
    @rule(uphold=st.booleans())
    def staff_decide(self, uphold: bool) -> None:
        [contest] = self.do(self.contests.page(None, 10))
        decide = self.contests.uphold if uphold else self.contests.reject
        self.do(decide(actor("staff"), contest.transfer.id, "so it is"))
        back, self.contested = str(contest.transfer.from_organisation), None
        if not uphold:
            return
        if self.holder not in (None, back, contest.transfer.to_organisation):
            self.moves += 1
        if self.holder != back:
            self.good = set()
            claims = self.do(self.store.claims_of_device(DEVICE))
            self.cameras_of[back] = next(one.camera for one in claims if one.organisation == back)
            self._taken(back)
        else:
            self.cameras_of, self.waiting = {back: self.cameras_of[back]}, []
        self.given_back = True
        event("given back by staff")

    @invariant()
    def one_owner_at_most_and_the_models(self) -> None:
        claims = self.do(self.store.claims_of_device(DEVICE))
        assert {claim.organisation for claim in claims} == set(self.cameras_of)
        assert [claim.organisation for claim in claims if claim.holds_device] == (
            [self.holder] if self.holder else []
        )

    @invariant()
    def the_tokens_that_work_are_the_owners(self) -> None:
        assert all(self._works(token) for token in self.good)
        items = self.house.databases["provisioning"].collections.get("items", {})
        alive = [row["organisation"] for row in items.values() if "token_hash" in row]
        assert alive == ([self.holder] if self.good else [])

    @invariant()
    def who_was_connected_and_is_not_the_owner_was_told(self) -> None:
        connected = {event.camera for event in self.house.bus.said(CameraConnected)}
        removed = [event.camera for event in self.house.bus.said(CameraRemoved)]
        assert len(removed) == len(set(removed)), "an end is told once"
        assert connected - set(removed) <= {self.cameras_of.get(self.holder or "", "")}

    @invariant()
    def every_move_is_written_down(self) -> None:
        moves = self.house.databases["provisioning"].collections.get("transfers", {})
        assert len(moves) == self.moves


Custody.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    # A failing story is told as it was found: making it shorter takes minutes.
    phases=[Phase.reuse, Phase.generate],
)
TestWhoseADeviceIs = Custody.TestCase
