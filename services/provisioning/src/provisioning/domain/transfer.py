"""A camera that moved from one organisation to another, and the time to say that it should not have."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from common.contracts.provisioning import TransferChanged
from common.errors import Conflict
from common.ids import CameraId, ClaimId, OrganisationId, UserId
from provisioning.domain.device_id import DeviceId

TransferState = Literal["done", "contested", "withdrawn", "upheld", "rejected"]
DECIDED: frozenset[TransferState] = frozenset({"upheld", "rejected"})
"""By staff, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A contested device moves no further until the contest is withdrawn or decided. One that was given back
    does not move by a reset either, as long as its organisation has it: what people decided, a button does
    not change."""

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
    statement: str = ""
    """What the new organisation says to the contest."""
    decided_by: UserId | None = None
    decided_at: datetime | None = None
    note: str = ""
    """Why it was decided so, for both organisations."""
    returned: ClaimId | None = None
    """Upheld: the claim by which the old organisation has the device again."""
    version: int = 1

    def bars(self, holder: ClaimId | None, to: OrganisationId) -> bool:
        """Whether the device may not go to this organisation by what it proves. `holder`: who has it now."""
        if self.state == "contested":
            return holder is not None or to != self.from_organisation
        return self.state == "upheld" and holder is not None and holder == self.returned

    def contested(self, by: UserId, reason: str, at: datetime) -> "Transfer":
        """The old organisation says that this was not meant."""
        if self.state == "contested":
            raise Conflict("contested_already", "This move is contested already")
        if self.state in DECIDED:
            raise Conflict("contest_decided", "This contest was decided, and stays so")
        if at > self.contest_until:
            raise Conflict(
                "contest_too_late",
                "The time to contest this move is over",
                next_step="Ask support, or add the camera again and reset it.",
            )
        return replace(
            self,
            state="contested",
            contested_by=by,
            contested_at=at,
            reason=reason,
            statement="",
            version=self.version + 1,
        )

    def answered(self, statement: str) -> "Transfer":
        """The new organisation says why it has the camera."""
        self._must_be_contested()
        return replace(self, statement=statement, version=self.version + 1)

    def withdrawn(self) -> "Transfer":
        """The old organisation agrees after all."""
        self._must_be_contested()
        return replace(self, state="withdrawn", version=self.version + 1)

    def upheld(self, by: UserId, note: str, at: datetime, returned: ClaimId) -> "Transfer":
        """It should not have moved: the old organisation has it again, by this claim."""
        return replace(self._decided(by, note, at), state="upheld", returned=returned)

    def rejected(self, by: UserId, note: str, at: datetime) -> "Transfer":
        """The move stands, and is contested no more."""
        return replace(self._decided(by, note, at), state="rejected")

    def _decided(self, by: UserId, note: str, at: datetime) -> "Transfer":
        self._must_be_contested()
        return replace(self, decided_by=by, decided_at=at, note=note, version=self.version + 1)

    def _must_be_contested(self) -> None:
        if self.state in DECIDED:
            raise Conflict("contest_decided", "This contest was decided, and stays so")
        if self.state != "contested":
            raise Conflict("not_contested", "This move is not contested")

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
