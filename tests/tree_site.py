"""The item tree of one organisation in a story, asked over HTTP as one person."""

from dataclasses import dataclass, field
from typing import Any, Self

from common.contracts.identity import AccessChanged
from common.ids import OrganisationId, UserId
from provisioning_site import Site

ITEMS = "/api/v1/items"


@dataclass
class Tree:
    """`more`: what the person's token says beside the organisation (`user`, `role`, `scoped`)."""

    site: Site
    more: dict[str, Any] = field(default_factory=dict)

    async def ask(self, method: str, path: str = "", body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.site.ask(method, ITEMS + path, body, headers=named, **self.more)

    async def add(self, name: str, parent: str | None = None, kind: str = "folder") -> str:
        status, item = await self.ask("POST", "", {"kind": kind, "name": name, "parent": parent})
        assert status == 201, item
        return str(item["id"])

    async def camera(self, name: str, parent: str | None = None, device: str = "0040ff112233") -> str:
        body = {"device_id": device, "secret": "secret", "name": name, "parent": parent}
        status, claim = await self.site.ask("POST", "/api/v1/claims", body)
        assert status == 201, claim
        return str(claim["camera"])

    async def get(self, item: str) -> Any:
        status, answer = await self.ask("GET", f"/{item}")
        assert status == 200, answer
        return answer

    async def change(self, item: str, body: Any, version: int | None = None) -> tuple[int, Any]:
        """With the version that the item has, or that one."""
        seen = (await self.get(item))["version"] if version is None else version
        return await self.ask("PATCH", f"/{item}", body, If_Match=f'"{seen}"')

    async def move(self, item: str, parent: str | None) -> tuple[int, Any]:
        return await self.change(item, {"parent": parent})

    async def move_all(self, items: list[str], parent: str | None) -> tuple[int, Any]:
        seen = [{"id": item, "version": (await self.get(item))["version"]} for item in items]
        return await self.ask("POST", "/moves", {"items": seen, "parent": parent})

    async def remove(self, item: str) -> tuple[int, Any]:
        status, removal = await self.ask("GET", f"/{item}/removal")
        if status != 200:
            return status, removal
        return await self.ask("DELETE", f"/{item}?confirmation={removal['confirmation']}")

    async def undo(self) -> tuple[int, Any]:
        return await self.ask("POST", "/undo")

    async def shown(self, query: str = "") -> dict[str, Any]:
        """Name -> name of the folder in which it lies."""
        status, tree = await self.ask("GET", query)
        assert status == 200, tree
        names = {item["id"]: item["name"] for item in tree["items"]}
        return {item["name"]: names.get(item["parent"]) for item in tree["items"]}

    async def found(self, text: str, language: str = "en") -> list[str]:
        status, found = await self.site.ask(
            "GET", f"{ITEMS}/search", params={"q": text, "language": language}, **self.more
        )
        assert status == 200, found
        return [item["name"] for item in found["items"]]

    async def somebody(self, items: tuple[str, ...] | None, user: str = "user-b", **more: Any) -> Self:
        """Another person, whose rights are the subtrees of these items."""
        event = AccessChanged(
            organisation=OrganisationId("org-a"),
            version=int(self.site.house.clock.timestamp()) + len(self.site.house.bus.published),
            at=self.site.house.clock.now(),
            access=f"org-a:{user}",
            user=UserId(user),
            role="operator",
            via="membership",
            items=items,
            servers=None,
        )
        await self.site.house.bus.tell(event)
        return type(self)(self.site, {"user": user, "scoped": True, **more})
