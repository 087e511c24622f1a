"""HTTP in: people's routes, and the camera port."""

from provisioning.api.arranging import ArrangingApi
from provisioning.api.camera_port import CameraPort
from provisioning.api.cameras import CamerasApi
from provisioning.api.claims import ClaimsApi
from provisioning.api.items import ItemsApi
from provisioning.api.nonces import Nonces

__all__ = ["ArrangingApi", "CameraPort", "CamerasApi", "ClaimsApi", "ItemsApi", "Nonces"]
