"""Puts identity together: a core, and the wings that stand on it."""

from common.app import Assembly, Parts
from identity.app import accounts, wings
from identity.app.api_keys import api_keys
from identity.app.core import Core
from identity.app.federation import federation
from identity.app.people import people
from identity.app.signing_in import signing_in
from identity.consumers import subscriptions
from identity.service.mails import Carrier
from identity.service.passwords import Hasher
from identity.settings import Settings
from identity.store import INDEXES


def assemble(
    parts: Parts, settings: Settings, *, carrier: Carrier | None = None, hasher: Hasher | None = None
) -> Assembly:
    """Identity on the given parts. `carrier` and `hasher` are the two ends that tests may replace."""
    core = Core.build(parts, settings, carrier, hasher)
    log, audit = wings.audit(core)
    door, signed_in = signing_in(core)
    house = [
        *accounts.wings(core, door),
        signed_in,
        federation(core, door),
        people(core),
        api_keys(core),
        wings.announcements(core),
        audit,
    ]
    return Assembly(
        routes=[route for wing in house for api in wing.apis for route in api.routes()],
        subscriptions=subscriptions(log, [wing.hears for wing in house]),
        background=[*core.background, *(part for wing in house for part in wing.background), core.mail_loop],
        indexes=INDEXES,
    )
