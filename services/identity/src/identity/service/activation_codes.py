"""Activation codes of registrations: made, recognised, mailed."""

from datetime import datetime
from urllib.parse import urlencode

from common.ids import OrganisationId
from identity.domain.codes import OneTimeCode
from identity.domain.mails import Mail, Template
from identity.domain.registrations import CODE_LIFETIME, CODE_TRIES, Registration
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets

_TEMPLATES: dict[str, Template] = {
    "customer": "activation",
    "personal": "personal_activation",
    "partner": "partner_activation",
}


class ActivationCodes:
    def __init__(self, secrets: Secrets, post: PostOffice, public_url: str) -> None:
        self._secrets = secrets
        self._post = post
        self._public_url = public_url

    def new(self, registration: OrganisationId, now: datetime) -> OneTimeCode:
        return self._secrets.activation_code(_purpose(registration), now, CODE_LIFETIME, CODE_TRIES)

    def digest(self, registration: Registration, typed: str) -> bytes:
        return self._secrets.code_digest(_purpose(registration.id), typed)

    def mail(self, registration: Registration) -> Mail:
        # Nothing of the form but the address goes into this mail: a stranger may have filled it in, and
        # the address is not proved yet. Otherwise we would deliver anybody's words to anybody.
        code = registration.code
        return self._post.mail(
            f"activation:{registration.id}:{code.expires_at.timestamp() * 1000:.0f}:{code.sends}",
            _TEMPLATES[registration.form.kind],
            registration.form.language,
            registration.email,
            {"link": f"{self._public_url}/activate?{urlencode({'email': registration.email})}"},
            code=as_typed(self._secrets.reveal(code, _purpose(registration.id))),
            worthless_at=code.expires_at,
        )


def as_typed(code: str) -> str:
    """In two halves, as people read and type it."""
    return f"{code[:4]}-{code[4:]}"


def _purpose(registration: OrganisationId) -> str:
    return f"activation:{registration}"
