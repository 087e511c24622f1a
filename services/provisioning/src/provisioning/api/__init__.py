"""HTTP in: people's routes, and the camera port."""

from provisioning.api.camera_port import CameraPort
from provisioning.api.cameras import CamerasApi
from provisioning.api.claims import ClaimsApi
from provisioning.api.nonces import Nonces

__all__ = ["CameraPort", "CamerasApi", "ClaimsApi", "Nonces"]
