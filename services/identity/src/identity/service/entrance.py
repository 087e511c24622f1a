"""The last step of signing in, whichever way somebody came: tokens for one place, or a choice of places."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from common.contracts import Event
from common.errors import Forbidden
from common.ids import OrganisationId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, RecoveryCodes
from identity.domain.factors import Factor
from identity.domain.mails import Mail
from identity.domain.sessions import Session
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import Counted, Forgiven, Origin
from identity.service.factors import Offer
from identity.service.notices import Notices
from identity.service.sessions import Place, Sessions, Tokens

Written = SignIn | Session | Mail | Counted | Forgiven | Authenticator | RecoveryCodes


@dataclass(frozen=True, slots=True)
class Step:
    """Where somebody is on the way in: a factor is awaited, or a choice, or there are tokens.

    `enrol_factor`: the organisation takes none of the factors that this person has; one can be added here
    and now (rule 14).
    """

    status: Literal["second_factor", "choose_organisation", "enrol_factor", "signed_in"]
    sign_in: str | None = None
    offers: list[Offer] = field(default_factory=list)
    resend_after: float = 0.0
    """Seconds until the one-time password may be mailed (again)."""
    places: list[Place] = field(default_factory=list)
    tokens: Tokens | None = None
    permanent: bool = False
    recovery_codes: list[str] = field(default_factory=list)
    """Made with the first authenticator; shown this once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody who has proved enough, and what they ask for."""

    user: User
    organisation: OrganisationId | None
    permanent: bool
    factor: Factor | None
    origin: Origin


class EntranceStore(Protocol):
    async def save(self, *things: Written, events: tuple[Event, ...] = ()) -> None: ...


class Entrance:
    def __init__(self, store: EntranceStore, sessions: Sessions, notices: Notices) -> None:
        self._store = store
        self._sessions = sessions
        self._notices = notices

    async def enter(
        self, entry: Entry, places: list[Place], *writes: Written, events: tuple[Event, ...] = ()
    ) -> Step:
        """Tokens for the place asked for, or the list to choose from; saved together with `writes`."""
        place = chosen(places, entry.organisation)
        if place is None:
            await self._store.save(*writes, events=events)
            if entry.organisation is not None or not places:
                raise Forbidden("not_a_member", "You are not a member of this organisation")
            return Step("choose_organisation", places=places)
        permanent = entry.permanent and place.organisation.policy.permanent_login
        session, tokens = await self._sessions.begin(
            entry.user, place, origin=entry.origin, permanent=permanent, factor=entry.factor
        )
        mails = await self._notices.new_device(entry.user, session)
        await self._store.save(*writes, session, *mails, events=(*events, session.started()))
        if mails:
            self._notices.nudge()
        return Step("signed_in", places=places, tokens=tokens, permanent=permanent)


def chosen(places: list[Place], organisation: OrganisationId | None) -> Place | None:
    """The place asked for, or the only one there is (ID-31)."""
    if organisation is None:
        return places[0] if len(places) == 1 else None
    return next((place for place in places if place.organisation.id == organisation), None)
