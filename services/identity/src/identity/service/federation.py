"""Signing in with an account elsewhere, and connecting one (OpenID Connect; ID-17)."""

import base64
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Forbidden, NotFound, Unauthenticated
from common.ids import UserId, new_id
from common.races import settled
from identity.domain.accounts import User
from identity.domain.federation import (
    LIFETIME,
    ConnectedAccount,
    ConnectedAccounts,
    Foreigner,
    Journey,
    Linked,
    Provider,
    Unlinked,
    already_connected,
    lost,
    must_be_at_home,
)
from identity.domain.mails import Mail
from identity.domain.names import canonical
from identity.domain.throttles import Counted, Origin
from identity.domain.ways_in import Way
from identity.service.entrance import Step
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.service.step_ups import StepUps
from identity.service.throttles import Throttles
from identity.service.ways_in import WaysIn


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to go, and what to bring back beside the code and the state."""

    id: str
    proof: str
    url: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser comes back with. `issuer`: as RFC 9207 has it said."""

    id: str
    proof: str
    state: str
    code: str
    issuer: str | None


class Issuers(Protocol):
    async def authorization_url(self, provider: Provider, parameters: Mapping[str, str]) -> str: ...

    async def redeem(
        self, provider: Provider, code: str, verifier: str, nonce: str, redirect_uri: str
    ) -> Foreigner: ...


class FederationStore(Protocol):
    async def journey(self, identity: str) -> Journey | None: ...

    async def accounts(self, user: UserId) -> ConnectedAccounts: ...

    async def user_by_key(self, key: str) -> User | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def save(
        self,
        *things: Journey | Way | Linked | Unlinked | Mail | Counted,
        events: Sequence[Event] = (),
    ) -> None: ...


Proceed = Callable[[User, bool, Origin], Awaitable[Step]]
"""On to the second factor: person, permanent, where from."""


class Federation:
    def __init__(
        self,
        store: FederationStore,
        secrets: Secrets,
        issuers: Issuers,
        throttles: Throttles,
        post: PostOffice,
        proceed: Proceed,
        step_ups: StepUps,
        ways_in: WaysIn,
        clock: Clock,
        *,
        providers: Sequence[Provider],
        redirect_uri: str,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._issuers = issuers
        self._throttles = throttles
        self._post = post
        self._proceed = proceed
        self._step_ups = step_ups
        self._ways_in = ways_in
        self._clock = clock
        self.providers = {provider.id: provider for provider in providers}
        self._redirect_uri = redirect_uri

    async def depart(
        self, provider: str, *, permanent: bool = False, actor: Actor | None = None
    ) -> Departure:
        """Begin: to sign in, or, for `actor`, to connect an account, which needs a factor shown a moment
        ago: a session left open must not become somebody else's way in."""
        if actor is not None:
            must_be_at_home(actor)
            await self._step_ups.fresh(actor)
        chosen = self.providers.get(provider)
        if chosen is None:
            raise NotFound("provider_not_found", "There is no such way to sign in here")
        identity, state, proof, nonce, verifier = (new_id(), *(secrets.token_urlsafe(32) for _ in range(4)))
        digest = hashlib.sha256(verifier.encode()).digest()
        parameters = {
            "redirect_uri": self._redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = await self._issuers.authorization_url(chosen, parameters)
        journey = Journey(
            id=identity,
            provider=chosen.id,
            state=self._digest(state),
            proof=self._digest(proof),
            sealed=self._secrets.seal(json.dumps([nonce, verifier]).encode(), f"journey:{identity}"),
            user=actor.user if actor else None,
            permanent=permanent,
            expires_at=self._clock.now() + LIFETIME,
        )
        await self._store.save(journey)
        return Departure(identity, proof, url)

    async def sign_in(self, back: Returned, origin: Origin) -> Step | Foreigner:
        """On to the second factor for whose account this is; the foreigner when a new person may sign up.

        The issuer's own second factor is not counted: an organisation's policy speaks of those we check.
        """
        counted = await self._throttles.address("federation", origin)
        try:
            journey, _, who = await self._arrive(back, None)
        except (Unauthenticated, NotFound):
            await settled(lambda: self._store.save(counted))
            raise
        user = await self._store.user_by_key(who.key)
        if user is not None:
            return await self._proceed(user, journey.permanent, origin)
        if who.email is None or await self._store.user_by_login(canonical(who.email)) is not None:
            raise Forbidden(
                "not_connected",
                "No account here is connected with this one",
                next_step="Sign in as you usually do, then connect it in your profile.",
            )
        return who

    async def connect(self, back: Returned, actor: Actor) -> ConnectedAccount:
        """The account signs this person in from now on; `Conflict` when it does somebody else."""
        _, provider, who = await self._arrive(back, actor.user)

        async def attempt() -> ConnectedAccount:
            account = ConnectedAccount(
                id=new_id(),
                provider=provider.id,
                key=who.key,
                email=who.email,
                connected_at=self._clock.now(),
            )
            person, event = (await self._store.accounts(actor.user)).connected(account, actor)
            if await self._store.user_by_key(who.key) is not None:
                raise already_connected()
            user = await self._store.user(actor.user)
            mails = [self._mail(user, account, provider)] if user else []
            await self._store.save(person, Linked(who.key, actor.user), *mails, events=(event,))
            return account

        account = await settled(attempt)
        self._post.nudge()
        return account

    async def accounts(self, actor: Actor) -> Sequence[ConnectedAccount]:
        return (await self._store.accounts(actor.user)).accounts

    async def disconnect(self, identity: str, actor: Actor) -> None:
        """`Conflict` when nothing else would be left to sign in with."""

        async def attempt() -> None:
            _, user = await self._step_ups.fresh(actor)
            known = await self._store.accounts(user.id)
            person, account, event = known.disconnected(identity, actor, self._clock.now())
            stays = await self._ways_in.without(user, account.id)
            await self._store.save(person, Unlinked(account.key), *stays, events=(event,))

        await settled(attempt)

    async def _arrive(self, back: Returned, user: UserId | None) -> tuple[Journey, Provider, Foreigner]:
        """Used up before the issuer is asked: a code that is shown twice is asked about once."""
        journey = await self._store.journey(back.id)
        provider = self.providers.get(journey.provider) if journey else None
        if journey is None or provider is None:
            raise lost()
        over = journey.returned(self._digest(back.state), self._digest(back.proof), user, self._clock.now())
        if back.issuer is not None and back.issuer != provider.issuer:
            raise lost()  # the answer of another issuer, mixed up (RFC 9207)
        try:
            await self._store.save(over)
        except Conflict:
            raise lost() from None
        nonce, verifier = json.loads(self._secrets.open(journey.sealed, f"journey:{journey.id}"))
        who = await self._issuers.redeem(provider, back.code, verifier, nonce, self._redirect_uri)
        return over, provider, who

    def _mail(self, user: User, account: ConnectedAccount, provider: Provider) -> Mail:
        return self._post.mail(
            f"account_connected:{account.id}",
            "account_connected",
            user.language,
            user.email,
            {"name": user.first_name, "provider": provider.name, "account": account.email or ""},
        )

    def _digest(self, text: str) -> bytes:
        return self._secrets.digest("journey", text)
