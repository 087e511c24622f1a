"""The wing of accounts: signing up, and what people decide about themselves."""

from common.due import DueLoop
from identity.api import (
    EmailChangesApi,
    MeApi,
    OrganisationApi,
    PartnerCodesApi,
    PartnerRequestsApi,
    PasswordHintsApi,
    RecoveriesApi,
    RegistrationsApi,
)
from identity.app.core import Core, Wing
from identity.app.signing_in import Door
from identity.service.activation_codes import ActivationCodes
from identity.service.activations import Activations
from identity.service.departures import Departures
from identity.service.email_changes import EmailChanges
from identity.service.intake import Intake
from identity.service.organisation_profile import OrganisationProfile
from identity.service.partner_codes import PartnerCodes
from identity.service.partner_requests import PartnerRequests
from identity.service.profiles import PasswordCheck, Profiles
from identity.service.recoveries import Recoveries
from identity.service.registrations import Registrations
from identity.service.staff import StaffBootstrap
from identity.service.step_ups import StepUps
from identity.service.strength import StrengthMeter
from identity.store import PeopleStore


def wings(core: Core, door: Door) -> list[Wing]:
    return [signing_up(core), partners(core), own_account(core, door.step_ups)]


def signing_up(core: Core) -> Wing:
    store, throttles, post, clock = core.store, core.throttles, core.post, core.clock
    codes = ActivationCodes(core.secrets, post, core.public_url)
    registrations = Registrations(
        store, codes, _intake(core), throttles, post, clock, public_url=core.public_url
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
        _intake(core),
        core.post,
        core.clock,
        public_url=core.public_url,
    )
    return Wing(
        apis=[
            PartnerCodesApi(PartnerCodes(store, core.clock)),
            PartnerRequestsApi(requests, core.origins),
        ]
    )


def _intake(core: Core) -> Intake:
    return Intake(core.throttles, core.post, editions=core.editions)


def own_account(core: Core, step_ups: StepUps) -> Wing:
    """The forgotten password, and everything under /me."""
    store, hasher, post, clock = PeopleStore(core.parts.database), core.hasher, core.post, core.clock
    check = PasswordCheck(hasher, core.throttles)
    recoveries = Recoveries(
        store, core.secrets, hasher, core.throttles, post, clock, public_url=core.public_url
    )
    profiles = Profiles(
        store, hasher, check, step_ups, post, clock, editions=core.editions, public_url=core.public_url
    )
    changes = EmailChanges(
        store, core.secrets, check, step_ups, core.throttles, post, clock, public_url=core.public_url
    )
    departures = Departures(store, check, post, clock, public_url=core.public_url)
    core.sessions.came_in = departures.came_in
    loop = DueLoop("departures", departures.next_due, departures.remove_due, clock)
    return Wing(
        apis=[
            RecoveriesApi(recoveries, core.origins),
            MeApi(profiles, departures, core.origins),
            EmailChangesApi(changes, core.origins),
            OrganisationApi(OrganisationProfile(core.store, clock)),
        ],
        background=[loop],
    )
