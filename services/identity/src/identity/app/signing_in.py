"""Everything between a password and a session, put together."""

from dataclasses import dataclass
from datetime import timedelta

from common.due import DueLoop
from identity.api import AuthenticatorsApi, DevicesApi, PoliciesApi, SessionsApi, SignInsApi
from identity.app.core import Core, Wing
from identity.service.authenticators import Authenticators
from identity.service.devices import Devices
from identity.service.enrolments import Enrolments
from identity.service.entrance import Entrance
from identity.service.factors import Factors
from identity.service.federation import Proceed
from identity.service.first_factors import FirstFactors
from identity.service.passkeys import Passkeys
from identity.service.passwordless import Passwordless
from identity.service.policies import Policies
from identity.service.sign_ins import SignIns
from identity.service.step_ups import StepUps
from identity.service.ways_in import WaysIn
from identity.store import FactorStore, FederationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What other wings need of signing in. `proceed`: how it goes on after the first factor."""

    proceed: Proceed
    step_ups: StepUps
    ways_in: WaysIn
    accounts: FederationStore


def signing_in(core: Core) -> tuple[Door, Wing]:
    clock, store, secrets = core.clock, core.store, core.secrets
    throttles, notices, sessions = core.throttles, core.notices, core.sessions
    own, passkeys = FactorStore(core.parts.database, store), Passkeys(core.settings.public_url)
    accounts = FederationStore(core.parts.database, store)
    ways_in = WaysIn(accounts, own)
    factors = Factors(own, secrets, passkeys, core.post, clock)
    enrolments = Enrolments(secrets, passkeys, factors, clock)
    entrance = Entrance(store, sessions, notices)
    sign_ins = SignIns(store, core.hasher, throttles, factors, notices, sessions, entrance, clock)
    passwordless = Passwordless(store, secrets, throttles, factors, passkeys, sign_ins, clock)
    step_ups = StepUps(store, throttles, factors, notices, sessions, clock)
    first = FirstFactors(own, throttles, factors, enrolments, sign_ins, sessions, entrance, notices, clock)
    authenticators = Authenticators(own, factors, enrolments, step_ups, sessions, ways_in, notices, clock)
    rotation = DueLoop(
        "signing keys",
        core.keys.next_rotation,
        core.keys.rotate_when_due,
        clock,
        longest_sleep=timedelta(hours=1),
    )
    door = Door(proceed=sign_ins.proceed, step_ups=step_ups, ways_in=ways_in, accounts=accounts)
    return door, Wing(
        background=[rotation],
        apis=[
            SignInsApi(sign_ins, passwordless, core.origins),
            SessionsApi(sessions, core.keys),
            AuthenticatorsApi(authenticators, first, core.origins),
            DevicesApi(Devices(store, sessions, clock), step_ups),
            PoliciesApi(Policies(store, sessions, clock)),
        ],
    )
