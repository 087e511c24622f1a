"""What licensing can be told."""

from datetime import timedelta

from pydantic import Field

from common.settings import Settings as CommonSettings


class Settings(CommonSettings):
    """Environment variables of licensing, beside the shared ones."""

    http_port: int = Field(8103, ge=0, le=65535, description="Port of the HTTP listener; 0 takes a free one")
    trial_days: int = Field(30, ge=1, le=365, description="Days of 24 hours that a device's one trial lasts")
    trial_lease_seconds: float = Field(
        3.0,
        ge=1,
        le=60,
        description="Seconds after which a dead replica that ended trials is replaced",
    )

    @property
    def trial(self) -> timedelta:
        return timedelta(days=self.trial_days)
