"""What every event has in common.

An event is a fact in the past tense with an explicit wire name `speaker.fact.v1`. Only additive changes
are allowed under one name; anything else is a `.v2` beside it. Readers ignore fields they do not know.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from common.ids import OrganisationId

EVENTS: dict[str, type["Event"]] = {}
"""Wire name -> class, filled as the classes are declared."""


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class Event(BaseModel):
    """A fact about one aggregate of one organisation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    wire: ClassVar[str]
    about: ClassVar[str]
    """The field that names the aggregate; it becomes the CloudEvents `subject`."""

    organisation: OrganisationId | None
    """Whose fact it is; None for facts of the platform itself."""
    version: int = Field(ge=1)
    """The aggregate's version after the fact; a reader ignores what is not newer than what it has."""
    at: Instant

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        known = EVENTS.setdefault(cls.wire, cls)
        if known.__qualname__ != cls.__qualname__:
            raise TypeError(f"{cls.wire} is declared twice: {known.__qualname__} and {cls.__qualname__}")

    @property
    def subject(self) -> str:
        return str(getattr(self, self.about))

    @property
    def speaker(self) -> str:
        return self.wire.partition(".")[0]
