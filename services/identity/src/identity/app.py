"""Puts identity together."""

from common.app import Assembly, Background, Parts
from common.due import DueLoop
from identity.api import RegistrationsApi, SessionsApi, SignInsApi, routes
from identity.api.origin import Origins
from identity.clients.letters import write
from identity.clients.smtp import SmtpCarrier
from identity.consumers import subscriptions
from identity.domain.throttles import Policy
from identity.service.keys import KeyRing
from identity.service.mails import Carrier, PostOffice
from identity.service.passwords import Argon2Hasher, Hasher
from identity.service.registrations import Registrations
from identity.service.secrets import Secrets
from identity.service.sessions import Sessions
from identity.service.sign_ins import SignIns
from identity.service.staff import StaffBootstrap
from identity.service.throttles import Throttles
from identity.settings import Settings
from identity.store import INDEXES, IdentityStore


def assemble(
    parts: Parts, settings: Settings, *, carrier: Carrier | None = None, hasher: Hasher | None = None
) -> Assembly:
    """Identity on the given parts. `carrier` and `hasher` are the two ends that tests may replace."""
    background: list[Background] = []
    if hasher is None:
        real = Argon2Hasher(settings.hash_threads, settings.hash_queue)
        background.append(real)
        hasher = real
    clock, store, secrets = parts.clock, IdentityStore(parts.database), Secrets(parts.sealer)
    carrier = carrier or SmtpCarrier(settings.smtp_url.get_secret_value(), settings.mail_from, clock)
    throttles = Throttles(store, secrets, clock, Policy(free=settings.address_tries))
    post = PostOffice(store, secrets, clock, write, carrier)
    mail_loop = DueLoop("mails", post.next_due, post.deliver, clock)
    post.nudge = mail_loop.nudge
    keys = KeyRing(store, secrets, clock, parts.verifier)
    sessions = Sessions(store, secrets, keys, clock)
    registrations = Registrations(
        store,
        secrets,
        hasher,
        throttles,
        post,
        clock,
        editions=(settings.terms_version, settings.privacy_version),
        public_url=settings.public_url.rstrip("/"),
    )
    sign_ins = SignIns(store, secrets, hasher, throttles, post, sessions, clock)
    staff = StaffBootstrap(store, hasher, clock, settings.bootstrap_staff.get_secret_value())
    origins = Origins(settings.trusted_proxies)
    return Assembly(
        routes=routes(
            RegistrationsApi(registrations, origins),
            SignInsApi(sign_ins, origins),
            SessionsApi(sessions, keys),
        ),
        subscriptions=subscriptions(),
        background=[*background, keys, staff, mail_loop],
        indexes=INDEXES,
    )
