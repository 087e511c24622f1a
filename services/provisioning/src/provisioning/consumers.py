"""Bus in: what provisioning hears."""

from common.access import AccessBook
from common.consumer import Handler
from common.contracts import Event
from common.contracts.identity import AccessChanged
from common.contracts.licensing import LicenceChanged
from provisioning.service import CameraService


def subscriptions(cameras: CameraService, access: AccessBook) -> dict[type[Event], Handler]:
    return {AccessChanged: access.hear, LicenceChanged: cameras.licence_changed}
