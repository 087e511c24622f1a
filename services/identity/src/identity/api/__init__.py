"""HTTP in: one module a group of routes."""

from identity.api.audit import AuditApi
from identity.api.partner_codes import PartnerCodesApi
from identity.api.partner_requests import PartnerRequestsApi
from identity.api.password_hints import PasswordHintsApi
from identity.api.registrations import RegistrationsApi
from identity.api.sessions import SessionsApi
from identity.api.sign_ins import SignInsApi

__all__ = [
    "AuditApi",
    "PartnerCodesApi",
    "PartnerRequestsApi",
    "PasswordHintsApi",
    "RegistrationsApi",
    "SessionsApi",
    "SignInsApi",
]
