"""Saving, choosing and removing the cards of an organisation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, NotFound, Unavailable
from common.ids import OrganisationId, new_id
from common.races import settled
from licensing.domain.card import SETUP_LASTS, Card, Setup, Wallet
from licensing.service.card_provider import (
    CardProvider,
    ProviderRefused,
    ProviderSilent,
    StartedSetup,
    provider_off,
)


class Wallets(Protocol):
    async def wallet(self, organisation: OrganisationId, provider: str) -> Wallet: ...

    async def save_wallet(self, wallet: Wallet, events: Sequence[Event] = ()) -> None: ...

    async def save_card(self, wallet: Wallet, setup: Setup, events: Sequence[Event]) -> None: ...

    async def save_setup(self, setup: Setup) -> None: ...

    async def setup(self, organisation: OrganisationId, identity: str) -> Setup | None: ...

    async def setup_told(self, provider: str, reference: str) -> Setup | None: ...


class CardService:
    def __init__(self, provider: CardProvider | None, wallets: Wallets, clock: Clock) -> None:
        self._provider = provider
        self._wallets = wallets
        self._clock = clock

    async def wallet(self, organisation: OrganisationId) -> Wallet:
        return await self._wallets.wallet(organisation, self._must_be_on().name)

    async def start(self, organisation: OrganisationId) -> tuple[Setup, StartedSetup]:
        """The owner's browser enters the card at the processor's; what is entered never comes here."""
        provider = self._must_be_on()
        wallet = await settled(lambda: self._known(organisation))
        wallet.must_have_room()
        identity = new_id()
        try:
            started = await provider.start_setup(wallet.customer or "", identity)
        except (ProviderSilent, ProviderRefused) as error:
            raise _away() from error
        expires = self._clock.now() + SETUP_LASTS
        setup = Setup(identity, organisation, provider.name, started.reference, expires)
        await self._wallets.save_setup(setup)
        return setup, started

    async def finish(self, organisation: OrganisationId, identity: str) -> Wallet:
        """The card that was entered is ours to charge; repeating it changes nothing."""
        self._must_be_on()
        setup = await self._wallets.setup(organisation, identity)
        if setup is None:
            raise NotFound("payment_method_not_found", "This organisation is not adding such a card")
        return await self._finish(setup)

    async def told(self, reference: str) -> bool:
        """The processor says that a setup has changed; False: it is none of ours."""
        setup = await self._wallets.setup_told(self._must_be_on().name, reference)
        if setup is not None:
            await self._finish(setup)
        return setup is not None

    async def choose(self, organisation: OrganisationId, identity: str, automatic: bool) -> Wallet:
        async def choose() -> Wallet:
            wallet = await self.wallet(organisation)
            chosen, event = wallet.prefers(identity, automatic, self._clock.now())
            await self._wallets.save_wallet(chosen, [event])
            return chosen

        return await settled(choose)

    async def remove(self, organisation: OrganisationId, identity: str) -> None:
        """At the processor's first: a card that is on no list of ours must not be chargeable."""
        provider = self._must_be_on()
        card = (await self.wallet(organisation)).card(identity)
        try:
            await provider.forget(card.reference)
        except (ProviderSilent, ProviderRefused) as error:
            raise _away() from error

        async def remove() -> None:
            wallet, event = (await self.wallet(organisation)).removes(identity, self._clock.now())
            await self._wallets.save_wallet(wallet, [event])

        await settled(remove)

    async def _known(self, organisation: OrganisationId) -> Wallet:
        """With the processor's name for the organisation."""
        wallet = await self.wallet(organisation)
        if wallet.customer is not None:
            return wallet
        try:
            known = wallet.known_as(await self._must_be_on().customer(organisation))
        except (ProviderSilent, ProviderRefused) as error:
            raise _away() from error
        await self._wallets.save_wallet(known)
        return known

    async def _finish(self, setup: Setup) -> Wallet:
        if setup.used:
            return await self.wallet(setup.organisation)
        try:
            card = await self._must_be_on().card(setup.reference)
        except (ProviderSilent, ProviderRefused) as error:
            raise _away() from error
        if card is None:
            raise Conflict(
                "payment_method_not_confirmed",
                "The card was not confirmed yet",
                next_step="Finish entering it, or begin again.",
            )
        return await settled(lambda: self._add(setup, replace(card, id=setup.id)))

    async def _add(self, setup: Setup, card: Card) -> Wallet:
        wallet = await self.wallet(setup.organisation)
        now = await self._wallets.setup(setup.organisation, setup.id)
        if now is None or now.used:
            return wallet
        added, event = wallet.adds(card, self._clock.now())
        await self._wallets.save_card(added, setup, [event])
        return added

    def _must_be_on(self) -> CardProvider:
        if self._provider is None:
            raise provider_off()
        return self._provider


def _away() -> Unavailable:
    return Unavailable(
        "card_processor_away",
        "The card processor does not answer as it should; nothing was changed here",
        next_step="Try again in a minute.",
        retry_after=60,
    )
