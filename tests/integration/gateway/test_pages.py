"""The gateway's own pages: landing page, documentation, the merged description, status."""

import re

from integration.gateway.house import description, town

OWNED = {"type": "object", "properties": {"own": {"type": "string"}}}


async def test_the_landing_page_and_the_documentation_load_nothing_from_elsewhere() -> None:
    async with town({}) as place:
        for page in ("/", "/activate", "/api/docs"):
            async with place.http.get(place.url + page) as answer:
                text = await answer.text()
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                policy = answer.headers["Content-Security-Policy"]
                assert "script-src 'self';" in policy
                assert "unsafe-eval" not in policy
                assert '<html lang="en">' in text
            for link in re.findall(r'(?:src|href)="(?!data:,)([^"]+)"', text):
                assert link.startswith("/")
                async with place.http.get(place.url + link) as asset:
                    assert asset.status == 200, link


async def test_the_description_is_merged_and_says_who_is_missing() -> None:
    services = {
        "identity": description("identity", Item=OWNED),
        "relay": description("relay", Item={"type": "string"}),
    }
    async with town(services) as place, place.http.get(place.url + "/api/v1/openapi.json") as answer:
        merged = await answer.json()
        assert merged["openapi"].startswith("3.1")
        assert {"/api/v1/identity-things", "/api/v1/relay-things", "/api/v1/events"} <= set(merged["paths"])
        assert merged["x-unavailable"] == ["licensing", "provisioning"]
        assert "licensing" in merged["info"]["description"]
        assert merged["components"]["schemas"]["Item"] == OWNED
        assert merged["components"]["schemas"]["RelayItem"] == {"type": "string"}


async def test_the_status_tells_who_answers() -> None:
    async with (
        town({"identity": description("identity")}) as place,
        place.http.get(place.url + "/api/v1/status") as answer,
    ):
        states = {service["name"]: service["status"] for service in (await answer.json())["services"]}
        assert states == {"identity": "ready", "provisioning": "down", "licensing": "down", "relay": "down"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
