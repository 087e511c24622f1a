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

    payment_days: int = Field(14, ge=0, le=90, description="Days that customers have to pay an invoice")
    close_lease_seconds: float = Field(
        20.0,
        ge=5,
        le=300,
        description="Seconds after which what a dead replica was billing is taken over by another",
    )
    seller_name: str = Field("Vedette s.r.o.", max_length=200, description="Who issues the bills")
    seller_address: str = Field("Example Street 1, 110 00 Prague", max_length=300, description="Its address")
    seller_country: str = Field(
        "CZ", pattern="^[A-Z]{2}$", description="Its country (ISO 3166-1 alpha-2): whose VAT is due at home"
    )
    seller_tax_id: str = Field("CZ25123891", max_length=32, description="Its VAT id, on every bill")
    seller_iban: str = Field("CZ6508000000192000145399", max_length=34, description="Where to pay to")
    seller_bic: str = Field("GIBACZPX", max_length=11, description="The bank of that account")

    @property
    def trial(self) -> timedelta:
        return timedelta(days=self.trial_days)
