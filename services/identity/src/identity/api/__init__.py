"""HTTP in: one module a group of routes."""

from identity.api.api_keys import ApiKeysApi
from identity.api.audit import AuditApi
from identity.api.authenticators import AuthenticatorsApi
from identity.api.customers import CustomersApi
from identity.api.devices import DevicesApi
from identity.api.email_changes import EmailChangesApi
from identity.api.federation import FederationApi
from identity.api.grants import VisitsApi
from identity.api.invitations import InvitationsApi
from identity.api.me import MeApi
from identity.api.members import MembersApi
from identity.api.organisation import OrganisationApi
from identity.api.partner_codes import PartnerCodesApi
from identity.api.partner_requests import PartnerRequestsApi
from identity.api.partners import PartnersApi
from identity.api.password_hints import PasswordHintsApi
from identity.api.policies import PoliciesApi
from identity.api.recoveries import RecoveriesApi
from identity.api.registrations import RegistrationsApi
from identity.api.sessions import SessionsApi
from identity.api.sign_ins import SignInsApi
from identity.api.support import SupportApi

__all__ = [
    "ApiKeysApi",
    "AuditApi",
    "AuthenticatorsApi",
    "CustomersApi",
    "DevicesApi",
    "EmailChangesApi",
    "FederationApi",
    "InvitationsApi",
    "MeApi",
    "MembersApi",
    "OrganisationApi",
    "PartnerCodesApi",
    "PartnerRequestsApi",
    "PartnersApi",
    "PasswordHintsApi",
    "PoliciesApi",
    "RecoveriesApi",
    "RegistrationsApi",
    "SessionsApi",
    "SignInsApi",
    "SupportApi",
    "VisitsApi",
]
