"""Identifiers: opaque, time-ordered (UUID version 7, RFC 9562), so that indexes grow at one end."""

from typing import NewType

from uuid_utils import uuid7

OrganisationId = NewType("OrganisationId", str)
UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
CameraId = NewType("CameraId", str)
ClaimId = NewType("ClaimId", str)
LicenceId = NewType("LicenceId", str)
ServerId = NewType("ServerId", str)
RemoteSessionId = NewType("RemoteSessionId", str)


def new_id() -> str:
    """A new identifier, 32 hexadecimal characters."""
    return uuid7().hex
