"""HTTP in: people's routes, and the camera port."""

from provisioning.api.arranging import ArrangingApi
from provisioning.api.camera_port import CameraPort
from provisioning.api.cameras import CamerasApi
from provisioning.api.claim_codes import ClaimCodesApi, CodePort
from provisioning.api.claims import ClaimsApi, Networks
from provisioning.api.codes import CodesApi
from provisioning.api.configuration import ConfigurationApi
from provisioning.api.contests import ContestsApi
from provisioning.api.credentials import CredentialsApi
from provisioning.api.dispatcher import Dispatcher
from provisioning.api.imports import ImportsApi
from provisioning.api.items import ItemsApi
from provisioning.api.nonces import Nonces
from provisioning.api.polls import Polls
from provisioning.api.transfers import TransfersApi

__all__ = [
    "ArrangingApi",
    "CameraPort",
    "CamerasApi",
    "ClaimCodesApi",
    "ClaimsApi",
    "CodePort",
    "CodesApi",
    "ConfigurationApi",
    "ContestsApi",
    "CredentialsApi",
    "Dispatcher",
    "ImportsApi",
    "ItemsApi",
    "Networks",
    "Nonces",
    "Polls",
    "TransfersApi",
]
