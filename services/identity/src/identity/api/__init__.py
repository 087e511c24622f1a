"""HTTP in: identity's whole table of routes."""

from common.http import Route
from identity.api.registrations import RegistrationsApi
from identity.api.sessions import SessionsApi
from identity.api.sign_ins import SignInsApi

__all__ = ["RegistrationsApi", "SessionsApi", "SignInsApi", "routes"]


def routes(registrations: RegistrationsApi, sign_ins: SignInsApi, sessions: SessionsApi) -> list[Route]:
    return [*registrations.routes(), *sign_ins.routes(), *sessions.routes()]
