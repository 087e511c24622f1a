"""What every wing of identity stands on: store, secrets, throttles, mails, keys, sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from common.app import Background, Parts
from common.clock import Clock
from common.consumer import Handler
from common.contracts import Event
from common.due import DueLoop
from common.http import Route
from common.rewrapping import Rewrapping
from common.sealing import Envelopes
from identity.api.origin import Origins
from identity.clients.letters import write
from identity.clients.smtp import SmtpCarrier
from identity.domain.throttles import Policy
from identity.service.keys import KeyRing
from identity.service.mails import Carrier, PostOffice
from identity.service.notices import Notices
from identity.service.passwords import Argon2Hasher, Hasher
from identity.service.secrets import Secrets, derived_key
from identity.service.sessions import Sessions
from identity.service.throttles import Throttles
from identity.settings import Settings
from identity.store import LASTING, IdentityStore


class Api(Protocol):
    """A group of routes."""

    def routes(self) -> list[Route]: ...


@dataclass(frozen=True, slots=True)
class Wing:
    """A part of the service, put together: what it answers, hears, and does by itself."""

    apis: Sequence[Api] = ()
    hears: Mapping[type[Event], Handler] = field(default_factory=dict)
    background: Sequence[Background] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    parts: Parts
    settings: Settings
    clock: Clock
    store: IdentityStore
    secrets: Secrets
    hasher: Hasher
    throttles: Throttles
    post: PostOffice
    keys: KeyRing
    notices: Notices
    sessions: Sessions
    origins: Origins
    background: Sequence[Background]
    mail_loop: DueLoop

    @property
    def public_url(self) -> str:
        """Where people's browsers find the portal; no slash at its end."""
        return self.settings.public_url.rstrip("/")

    @property
    def editions(self) -> tuple[str, str]:
        """The versions of terms and privacy policy that are accepted now."""
        return self.settings.terms_version, self.settings.privacy_version

    @classmethod
    def build(
        cls, parts: Parts, settings: Settings, carrier: Carrier | None, hasher: Hasher | None
    ) -> "Core":
        """`carrier` and `hasher` are the two ends that tests may replace."""
        background: list[Background] = []
        if hasher is None:
            real = Argon2Hasher(settings.hash_threads, settings.hash_queue)
            background.append(real)
            hasher = real
        clock, store = parts.clock, IdentityStore(parts.database)
        envelopes = Envelopes(settings.encryption_keys | derived_key(parts.sealer))
        secrets = Secrets(parts.sealer, envelopes)
        carrier = carrier or SmtpCarrier(settings.smtp_url.get_secret_value(), settings.mail_from, clock)
        post = PostOffice(store, secrets, clock, write, carrier)
        mail_loop = DueLoop("mails", post.next_due, post.deliver, clock)
        post.nudge = mail_loop.nudge
        notices, rotate_after = Notices(store, post, clock), timedelta(days=settings.signing_key_days)
        keys = KeyRing(store, secrets, clock, parts.verifier, rotate_after)
        return cls(
            parts=parts,
            settings=settings,
            clock=clock,
            store=store,
            secrets=secrets,
            hasher=hasher,
            throttles=Throttles(store, secrets, clock, Policy(free=settings.address_tries)),
            post=post,
            keys=keys,
            notices=notices,
            sessions=Sessions(store, secrets, keys, clock, notices),
            origins=Origins(settings.trusted_proxies),
            background=[*background, keys, *_rewrapping(parts, envelopes)],
            mail_loop=mail_loop,
        )


def _rewrapping(parts: Parts, envelopes: Envelopes) -> list[Background]:
    """Nothing to do while no other key than the one that seals is known."""
    if not envelopes.others:
        return []
    work = Rewrapping(parts.database, envelopes, LASTING, parts.clock)
    return [DueLoop("rewrapping", work.next_due, work.work, parts.clock)]
