"""The gateway and the services agree on what needs no access token."""

from typing import Any, cast

import pytest

from common.http import Route
from gateway.domain.routes import find
from identity.api import RegistrationsApi, SessionsApi, SignInsApi
from identity.api import routes as identity_routes
from relay.api import routes as relay_routes

NOBODY = cast(Any, None)
ROUTES = [
    *identity_routes(
        RegistrationsApi(NOBODY, NOBODY), SignInsApi(NOBODY, NOBODY), SessionsApi(NOBODY, NOBODY)
    ),
    *relay_routes(NOBODY, NOBODY, NOBODY),
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_what_a_service_answers_to_anybody_the_gateway_lets_through_without_a_token(route: Route) -> None:
    way = find(route.method, route.path.replace("{id}", "0192"))
    assert way is not None
    assert way.public == route.public
