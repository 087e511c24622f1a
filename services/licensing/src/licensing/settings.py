"""What licensing can be told."""

from datetime import timedelta

from pydantic import Field, SecretStr

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
    overdue_days: int = Field(
        0, ge=0, le=90, description="Days of patience after the last day to pay, before cameras are suspended"
    )
    arrears_days: int = Field(
        0,
        ge=0,
        le=90,
        description="Days of patience after the end of the month in which a bill had to be paid, before"
        " cameras become inactive",
    )
    standing_lease_seconds: float = Field(
        3.0,
        ge=1,
        le=60,
        description="Seconds after which a dead replica that saw to debts and notices is replaced",
    )
    close_lease_seconds: float = Field(
        20.0,
        ge=5,
        le=300,
        description="Seconds after which what a dead replica was billing is taken over by another",
    )
    plan_notice_days: int = Field(
        30,
        ge=1,
        le=365,
        description="Days that customers are told before their cameras move to a new version of their plan",
    )
    seller_name: str = Field("Vedette s.r.o.", max_length=200, description="Who issues the bills")
    seller_address: str = Field("Example Street 1, 110 00 Prague", max_length=300, description="Its address")
    seller_country: str = Field(
        "CZ", pattern="^[A-Z]{2}$", description="Its country (ISO 3166-1 alpha-2): whose VAT is due at home"
    )
    seller_tax_id: str = Field("CZ25123891", max_length=32, description="Its VAT id, on every bill")
    seller_iban: str = Field("CZ6508000000192000145399", max_length=34, description="Where to pay to")
    seller_bic: str = Field("GIBACZPX", max_length=11, description="The bank of that account")

    stripe_secret_key: SecretStr = Field(
        SecretStr(""), description="Stripe's secret key; empty: no payment by card"
    )
    stripe_publishable_key: str = Field(
        "", max_length=200, description="Stripe's publishable key, for the browser's form"
    )
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs Stripe's messages; empty: they are refused, outcomes are asked for"
    )
    stripe_url: str = Field(
        "https://api.stripe.com",
        pattern=r"^(https://[A-Za-z0-9.-]{1,200}|http://(127\.0\.0\.1|localhost))(:[0-9]{1,5})?$",
        description="Stripe's API; without TLS on this machine only",
    )
    stripe_timeout: float = Field(30.0, gt=0, le=120, description="Seconds that one call of Stripe may take")
    card_patience: float = Field(
        10.0, gt=0, le=60, description="Seconds that people wait for a card's charge; then it goes on without"
    )
    charge_retry_days: str = Field(
        "1,3,5,7",
        pattern=r"^([1-9][0-9]?(,[1-9][0-9]?){0,9})?$",
        description="Days after an invoice's first automatic charge on which a declined one is tried again",
    )

    @property
    def charge_retries(self) -> tuple[int, ...]:
        return tuple(sorted({int(day) for day in self.charge_retry_days.split(",") if day}))

    @property
    def trial(self) -> timedelta:
        return timedelta(days=self.trial_days)
