"""The gateway and the services agree on what needs no access token, and on who answers what."""

import json
import re
from collections import Counter
from importlib import import_module

import pytest

from common.http import Route
from common.http.reached import Ids
from common.openapi import document
from common.testing import MemoryHouse
from gateway.clients import reach
from gateway.domain.routes import SERVICES, find


def routes(service: str) -> list[Route]:
    """The service's own table, as it is served."""
    secrets = {"master_key": "A" * 43 + "=", "turn_secret": "t" * 32}
    kind = import_module(f"{service}.settings").Settings
    settings = kind(**{name: value for name, value in secrets.items() if name in kind.model_fields})
    assemble = import_module(f"{service}.app").assemble
    return list(assemble(MemoryHouse().parts(service), settings).routes)


ROUTES = [(service, route) for service in SERVICES for route in routes(service)]


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=lambda one: getattr(one, "path", one))
def test_what_a_service_answers_to_anybody_the_gateway_lets_through_without_a_token(
    service: str, route: Route
) -> None:
    way = find(route.method, re.sub(r"\{\w+\}", "0192", route.path))
    assert way is not None
    assert (way.service, way.public) == (service, route.public)


@pytest.mark.parametrize(("service", "path"), [("provisioning", reach.ITEMS), ("relay", reach.SERVERS)])
def test_what_the_gateway_asks_about_news_is_answered_to_people_with_rights_on_a_part(
    service: str, path: str
) -> None:
    [asked] = [route for route in routes(service) if (route.method, route.path) == ("POST", path)]
    assert (asked.narrows, asked.recorded, asked.body, asked.answer) == (True, False, Ids, Ids)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_an_id_of_its_own(service: str) -> None:
    """Clients are generated from the document: two of one name would be one method."""
    paths = document(service, "1", routes(service))["paths"].values()
    ids = [operation["operationId"] for methods in paths for operation in methods.values()]

    assert [one for one, times in Counter(ids).items() if times > 1] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_reference_in_the_document_leads_somewhere(service: str) -> None:
    """Two models of one name in one service get names that nobody refers to."""
    description = document(service, "1", routes(service))
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(description)))

    assert referred - set(description["components"]["schemas"]) == set()
