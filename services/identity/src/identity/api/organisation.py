"""The organisation of the token: what it says about itself."""

from datetime import datetime

from pydantic import BaseModel

from common.auth import Action
from common.http import Body, Call, NoQuery, Route
from identity.api.registrations import Country, Currency, OrganisationName, TimeZone
from identity.domain.accounts import Kind, Language, Organisation
from identity.service.organisation_profile import OrganisationProfile


class OrganisationChange(Body):
    """What is absent stays."""

    name: OrganisationName | None = None
    country: Country | None = None
    time_zone: TimeZone | None = None
    currency: Currency | None = None
    language: Language | None = None


class OrganisationView(BaseModel):
    id: str
    name: str
    kind: Kind
    country: str | None
    time_zone: str
    currency: str
    language: Language
    created_at: datetime

    @classmethod
    def of(cls, item: Organisation) -> "OrganisationView":
        return cls(
            id=item.id,
            name=item.name,
            kind=item.kind,
            country=item.country or None,
            time_zone=item.time_zone,
            currency=item.currency,
            language=item.language,
            created_at=item.created_at,
        )


class OrganisationApi:
    def __init__(self, profile: OrganisationProfile) -> None:
        self._profile = profile

    def routes(self) -> list[Route]:
        path = "/api/v1/organisation"
        return [
            Route(
                method="GET", path=path, handler=self.get, tag="This organisation", narrows=True,
                summary="This organisation", allow=Action.READ_ORGANISATION, answer=OrganisationView,
            ),
            Route(
                method="PATCH", path=path, handler=self.change, tag="This organisation",
                summary="Change name or preferences", allow=Action.CHANGE_ORGANISATION,
                body=OrganisationChange, answer=OrganisationView,
            ),
        ]  # fmt: skip

    async def get(self, call: Call[None, NoQuery]) -> OrganisationView:
        return OrganisationView.of(await self._profile.get(call.actor))

    async def change(self, call: Call[OrganisationChange, NoQuery]) -> OrganisationView:
        """Bills and month boundaries follow from their next period on."""
        body = call.body
        changed = await self._profile.change(
            call.actor, body.name, body.country, body.time_zone, body.currency, body.language
        )
        return OrganisationView.of(changed)
