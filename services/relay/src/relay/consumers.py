"""Bus in: which event goes to which method."""

from collections.abc import Mapping

from common.consumer import Handler
from common.contracts import Event
from common.contracts.identity import AccessChanged, OrganisationChanged, OrganisationCreated, SessionRevoked
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, ItemAdded, ItemsMoved
from common.contracts.relay import AllowanceCrossed, ServerStatusChanged, UsageSampled
from relay.service.endings import Endings
from relay.service.ledger import Ledger
from relay.service.places import Places
from relay.service.usage import Usage


def subscriptions(
    ledger: Ledger, endings: Endings, usage: Usage, places: Places
) -> Mapping[type[Event], Handler]:
    return {
        OrganisationCreated: usage.know,
        OrganisationChanged: usage.move,
        AccessChanged: endings.access_changed,
        SessionRevoked: endings.session_revoked,
        LicenceChanged: endings.licence_changed,
        CameraConnected: places.camera_connected,
        ItemAdded: places.item_added,
        ItemsMoved: places.items_moved,
        UsageSampled: ledger.hear,
        AllowanceCrossed: endings.allowance_crossed,
        ServerStatusChanged: endings.server_status_changed,
    }
