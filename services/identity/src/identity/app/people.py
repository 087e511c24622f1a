"""The wing of people: members, invitations, partners, support; who is in an organisation, how they enter."""

from common.contracts.identity import SessionRevoked
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved, PresenceChanged
from common.contracts.relay import ServerStatusChanged
from common.due import DueLoop
from identity.api import (
    CustomersApi,
    InvitationsApi,
    MembersApi,
    PartnersApi,
    SupportApi,
    VisitsApi,
)
from identity.app.core import Core, Wing
from identity.service.customers import Customers
from identity.service.health import HealthBook
from identity.service.invitations import Invitations
from identity.service.joining import Joining
from identity.service.members import Members
from identity.service.partners import Partners
from identity.service.support import Support
from identity.service.visits import Visits
from identity.store import OrganisationStore


def people(core: Core) -> Wing:
    store, clock, post, secrets = OrganisationStore(core.parts.database), core.clock, core.post, core.secrets
    url, throttles = core.public_url, core.throttles
    visits = Visits(store, core.sessions, clock)
    invitations = Invitations(store, secrets, throttles, post, clock, public_url=url)
    joining = Joining(store, secrets, core.hasher, throttles, visits, clock, editions=core.editions)
    partners = Partners(store, visits, throttles, post, clock, public_url=url)
    support = Support(store, visits, post, clock, public_url=url)
    health = HealthBook(store)
    return Wing(
        apis=[
            MembersApi(Members(store, visits, clock)),
            InvitationsApi(invitations, joining, core.origins),
            PartnersApi(partners),
            CustomersApi(Customers(store, visits, clock), core.origins),
            SupportApi(support, core.origins),
            VisitsApi(visits),
        ],
        hears={
            SessionRevoked: visits.session_over,
            CameraConnected: health.camera_connected,
            CameraRemoved: health.camera_removed,
            PresenceChanged: health.presence_changed,
            LicenceChanged: health.licence_changed,
            ServerStatusChanged: health.server_changed,
        },
        background=[
            DueLoop("invitations", invitations.next_due, invitations.expire, clock),
            DueLoop("grants", support.next_due, support.attend, clock),
            DueLoop("visits", visits.next_idle, visits.end_idle, clock),
        ],
    )
