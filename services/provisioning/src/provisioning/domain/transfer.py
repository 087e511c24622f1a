"""A camera that moved from one organisation to another, and the time to say that it should not have."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.provisioning import TransferChanged
from common.errors import Conflict
from common.ids import CameraId, OrganisationId, UserId
from provisioning.domain.device_id import DeviceId

TransferState = Literal["done", "contested", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`contested` freezes it: the device moves no further until the contest is withdrawn or decided."""

    id: str
    device: DeviceId
    name: str
    """As the old organisation called it."""
    from_organisation: OrganisationId
    from_camera: CameraId
    to_organisation: OrganisationId
    to_camera: CameraId
    at: datetime
    contest_until: datetime
    state: TransferState = "done"
    contested_by: UserId | None = None
    contested_at: datetime | None = None
    reason: str = ""
    version: int = 1

    def contested(self, by: UserId, reason: str, at: datetime) -> "Transfer":
        """The old organisation says that this was not meant."""
        if self.state == "contested":
            raise Conflict("contested_already", "This move is contested already")
        if at > self.contest_until:
            raise Conflict(
                "contest_too_late",
                "The time to contest this move is over",
                next_step="Ask support, or add the camera again and reset it.",
            )
        return replace(
            self, state="contested", contested_by=by, contested_at=at, reason=reason, version=self.version + 1
        )

    def withdrawn(self) -> "Transfer":
        """The old organisation agrees after all."""
        if self.state != "contested":
            raise Conflict("not_contested", "This move is not contested")
        return replace(self, state="withdrawn", version=self.version + 1)

    def news(self, at: datetime) -> list[TransferChanged]:
        """For both organisations; neither learns who the other one is."""
        return [
            TransferChanged(
                organisation=organisation,
                version=self.version,
                at=at,
                transfer=self.id,
                camera=camera,
                device=self.device,
                name=self.name if direction == "away" else "",
                direction=direction,
                state=self.state,
                contest_until=self.contest_until,
            )
            for organisation, camera, direction in (
                (self.from_organisation, self.from_camera, "away"),
                (self.to_organisation, self.to_camera, "here"),
            )
        ]
