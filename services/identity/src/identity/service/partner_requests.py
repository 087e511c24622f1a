"""Joining as a partner: the request, and what staff decides about it (ID-61 to ID-65)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import NotFound
from common.ids import OrganisationId, new_id
from common.races import settled
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.mails import Mail, Template
from identity.domain.partner_requests import PartnerCode, PartnerRequest, RequestState, canonical_code
from identity.domain.registrations import Form, Registration, organisation_of
from identity.domain.throttles import Counted, Origin
from identity.service.activation_codes import ActivationCodes
from identity.service.acts import acted
from identity.service.intake import Intake, hour_of
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.service.staff import STAFF


class PartnerRequestStore(Protocol):
    async def partner_code(self, identity: str) -> PartnerCode | None: ...

    async def partner_request(self, identity: str) -> PartnerRequest | None: ...

    async def open_partner_request(self, email: str) -> PartnerRequest | None: ...

    async def partner_requests(
        self, state: RequestState, after: str | None, limit: int
    ) -> list[PartnerRequest]: ...

    async def pending_registration(self, email: str) -> Registration | None: ...

    async def user_by_login(self, name: str) -> User | None: ...

    async def save(
        self,
        *things: PartnerRequest | Registration | Organisation | Membership | Mail | Counted,
        events: Sequence[Event] = (),
    ) -> None: ...


class PartnerRequests:
    """The answer to a request is the same whether or not the code is valid; the mail tells."""

    def __init__(
        self,
        store: PartnerRequestStore,
        codes: ActivationCodes,
        secrets: Secrets,
        intake: Intake,
        post: PostOffice,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._store = store
        self._codes = codes
        self._secrets = secrets
        self._intake = intake
        self._post = post
        self._clock = clock
        self._public_url = public_url

    async def ask(self, form: Form, *, terms: bool, privacy: bool, origin: Origin) -> None:
        """Take the partner's form; a mail says that it came, or that the code is not valid."""
        await self._intake.take(
            form, terms=terms, privacy=privacy, counted_as="partner_request", origin=origin, work=self._ask
        )

    async def list(self, state: RequestState, after: str | None, limit: int) -> list[PartnerRequest]:
        return await self._store.partner_requests(state, after, limit)

    async def approve(self, actor: Actor, identity: str) -> PartnerRequest:
        """Mail the activation code; who has an account already gets the organisation at once."""
        request = await settled(lambda: self._approve(actor, identity))
        self._post.nudge()
        return request

    async def decline(self, actor: Actor, identity: str, reason: str) -> PartnerRequest:
        request = await settled(lambda: self._decline(actor, identity, reason))
        self._post.nudge()
        return request

    async def _ask(self, form: Form, counted: Counted) -> None:
        now = self._clock.now()
        code = await self._store.partner_code(canonical_code(form.partner_code or ""))
        known = await self._store.open_partner_request(form.email)
        if code is None or not code.admits(form.email):
            mail = self._mail("partner_request_refused", form, hour_of(now))
            await self._intake.tell_once(self._store, mail, counted)
            return
        form = form.with_partner_code(code.id)
        accepted = self._intake.accepted(now)
        if known is not None:
            request = known.resubmitted(form, accepted, now)
            await self._store.save(request, counted)
            return
        request = PartnerRequest.asked(new_id(), form, accepted, now)
        details = {"company": form.organisation_name, "partner_code": code.id}
        event = acted(STAFF, "partner_request.received", request.id, now, **details)
        mail = self._mail("partner_request_received", form, request.id)
        await self._store.save(request, mail, counted, events=(event,))

    async def _approve(self, actor: Actor, identity: str) -> PartnerRequest:
        now = self._clock.now()
        request = await self._request(identity)
        code = await self._store.partner_code(request.form.partner_code or "")
        request = request.approved(code, actor.user, now)
        event = acted(actor.organisation, "partner_request.approved", request.id, now)
        user = await self._store.user_by_login(request.form.email)
        if user is None:
            registration = await self._registration(request, now)
            await self._store.save(request, registration, self._codes.mail(registration), events=(event,))
            return request
        founded = organisation_of(OrganisationId(new_id()), request.form, now)
        organisation, membership, access = founded.founded(user.id, now)
        mail = self._welcome(user, organisation)
        events = (event, organisation.created(), access)
        await self._store.save(request, organisation, membership, mail, events=events)
        return request

    async def _decline(self, actor: Actor, identity: str, reason: str) -> PartnerRequest:
        now = self._clock.now()
        request = (await self._request(identity)).declined(reason, actor.user, now)
        event = acted(actor.organisation, "partner_request.declined", request.id, now, reason=reason)
        mail = self._mail("partner_request_declined", request.form, request.id, reason=reason)
        await self._store.save(request, mail, events=(event,))
        return request

    async def _registration(self, request: PartnerRequest, now: datetime) -> Registration:
        """What waits for the activation code; it takes the place of an own sign-up that was waiting."""
        known = await self._store.pending_registration(request.form.email)
        identity = known.id if known else OrganisationId(new_id())
        code = self._codes.new(identity, now)
        if known is not None:
            return known.approved(request.form, request.accepted, code)
        return Registration.begun(identity, request.form, request.accepted, code)

    async def _request(self, identity: str) -> PartnerRequest:
        request = await self._store.partner_request(identity)
        if request is None:
            raise NotFound("partner_request_unknown", "There is no such partner request")
        return request

    def _mail(self, template: Template, form: Form, cause: str, **values: str) -> Mail:
        # As with activations, nothing of the form goes to an address that is not proved.
        whom = self._secrets.digest("mail", form.email).hex()[:32]
        identity = f"{template}:{cause}:{whom}"
        return self._post.mail(identity, template, form.language, form.email, values)

    def _welcome(self, user: User, organisation: Organisation) -> Mail:
        values = {
            "name": user.first_name,
            "organisation": organisation.name,
            "link": f"{self._public_url}/sign-in",
        }
        return self._post.mail(
            f"partner_welcome:{organisation.id}", "partner_welcome", user.language, user.email, values
        )
