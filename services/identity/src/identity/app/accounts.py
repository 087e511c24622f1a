"""The wing of accounts: signing up, and what people decide about themselves."""

from identity.api import PartnerCodesApi, PartnerRequestsApi, PasswordHintsApi, RegistrationsApi
from identity.app.core import Core, Wing
from identity.service.activation_codes import ActivationCodes
from identity.service.activations import Activations
from identity.service.partner_codes import PartnerCodes
from identity.service.partner_requests import PartnerRequests
from identity.service.registrations import Registrations
from identity.service.staff import StaffBootstrap
from identity.service.strength import StrengthMeter
from identity.store import PeopleStore


def signing_up(core: Core) -> Wing:
    store, throttles, post, clock = core.store, core.throttles, core.post, core.clock
    codes = ActivationCodes(core.secrets, post, core.public_url)
    registrations = Registrations(
        store, codes, throttles, post, clock, editions=core.editions, public_url=core.public_url
    )
    activations = Activations(store, codes, core.hasher, throttles, clock)
    staff = StaffBootstrap(store, core.hasher, clock, core.settings.bootstrap_staff.get_secret_value())
    meter = StrengthMeter()
    return Wing(
        apis=[RegistrationsApi(registrations, activations, core.origins), PasswordHintsApi(meter)],
        background=[staff, meter],
    )


def partners(core: Core) -> Wing:
    store = PeopleStore(core.parts.database)
    requests = PartnerRequests(
        store,
        ActivationCodes(core.secrets, core.post, core.public_url),
        core.secrets,
        core.throttles,
        core.post,
        core.clock,
        editions=core.editions,
        public_url=core.public_url,
    )
    return Wing(
        apis=[
            PartnerCodesApi(PartnerCodes(store, core.clock)),
            PartnerRequestsApi(requests, core.origins),
        ]
    )
