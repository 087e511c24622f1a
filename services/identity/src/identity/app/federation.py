"""Accounts elsewhere that sign people in, put together."""

from urllib.parse import urlsplit

from identity.api import FederationApi
from identity.app.core import Core, Wing
from identity.clients.openid import OpenIdIssuers
from identity.domain.federation import Provider
from identity.service.federation import Federation, Proceed
from identity.settings import OpenIdProvider
from identity.store import FederationStore

CALLBACK = "/sign-in/callback"
"""The portal's page that issuers send people back to; it is registered with them."""


def federation(core: Core, proceed: Proceed) -> Wing:
    """`proceed`: how signing in goes on after the first factor."""
    settings = core.settings
    service = Federation(
        FederationStore(core.parts.database, core.store),
        core.secrets,
        OpenIdIssuers(core.clock, insecure=settings.development),
        core.throttles,
        core.post,
        proceed,
        core.clock,
        providers=[_provider(told) for told in settings.providers],
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
    )
    return Wing(apis=[FederationApi(service, core.origins)])


def _provider(told: OpenIdProvider) -> Provider:
    fields = told.model_dump(exclude={"hosts"})
    return Provider(**fields, hosts=frozenset({urlsplit(told.issuer).netloc, *told.hosts}))
