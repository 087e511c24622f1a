"""Bus in: what provisioning hears."""

from common.consumer import Handler
from common.contracts import Event
from common.contracts.licensing import LicenceChanged
from provisioning.service import CameraService


def subscriptions(cameras: CameraService) -> dict[type[Event], Handler]:
    return {LicenceChanged: cameras.licence_changed}
