"""`/api/v1/items`: adding, renaming, moving, removing, and taking it back."""

from typing import Any

from aiohttp import web
from pydantic import Field

from common.auth import Action
from common.errors import Invalid
from common.http import Answer, Body, Call, NoQuery, Query, Route, problem
from common.http.serve import request_id
from provisioning.api.item_answers import ItemAnswer, MovedAnswer, RemovalAnswer, TreeItem, UndoAnswer
from provisioning.api.preconditions import any_version, etag, outdated, seen_version, version_needed
from provisioning.api.rows import rows
from provisioning.domain import MOST_AT_ONCE, Item, MadeByHand
from provisioning.service import KEEP, ArrangingService, Changed, LookingService, UndoingService

_route = rows("Items", Action.CHANGE_CAMERA, narrows=True)


class NewItem(Body):
    kind: MadeByHand = Field(description="Cameras are added by claiming them: POST /api/v1/claims")
    name: str = Field(min_length=1, max_length=400, description="1 to 45 characters")
    parent: str | None = Field(None, min_length=1, max_length=64, description="Folder or location")


class ChangeItem(Body):
    """What is left out stays as it is."""

    name: str | None = Field(None, min_length=1, max_length=400, description="1 to 45 characters")
    parent: str | None = Field(
        None, min_length=1, max_length=64, description="Folder or location; null: to the top"
    )


class SeenItem(Body):
    id: str = Field(min_length=1, max_length=64)
    version: int = Field(ge=1, le=2**31, description="What was seen of it")


class Move(Body):
    items: list[SeenItem] = Field(min_length=1, max_length=MOST_AT_ONCE)
    parent: str | None = Field(
        min_length=1, max_length=64, description="Folder or location; null: to the top"
    )


class RemovalQuery(Query):
    confirmation: str | None = Field(None, max_length=200, description="Of GET /api/v1/items/{id}/removal")


class ArrangingApi:
    def __init__(self, arranging: ArrangingService, undoing: UndoingService, looking: LookingService) -> None:
        self._arranging = arranging
        self._undoing = undoing
        self._looking = looking

    def routes(self) -> list[Route]:
        one, last = "/api/v1/items/{id}", "/api/v1/items/undo"
        return [
            _route("POST", "/api/v1/items", self.add, "Add a folder, location, panel, ...",
                   body=NewItem, answer=ItemAnswer, status=201, idempotent=True),
            _route("PATCH", one, self.change, "Rename or move an item; needs If-Match",
                   body=ChangeItem, answer=ItemAnswer, problems=(409, 412, 428)),
            _route("POST", "/api/v1/items/moves", self.move, "Move many items, all or none",
                   body=Move, answer=MovedAnswer, problems=(404, 409, 412)),
            _route("GET", "/api/v1/items/{id}/removal", self.removal, "What removing it would mean",
                   answer=RemovalAnswer, problems=(409,)),
            _route("DELETE", one, self.remove, "Remove an item as confirmed; a folder's content moves up",
                   query=RemovalQuery, status=204, problems=(409, 428)),
            _route("GET", last, self.undoable, "What would be taken back",
                   answer=UndoAnswer, problems=(404, 409)),
            _route("POST", last, self.undo, "Take back one's last renaming, move or removal",
                   answer=UndoAnswer, problems=(404, 409)),
        ]  # fmt: skip

    async def add(self, call: Call[NewItem, NoQuery]) -> Answer:
        body = call.body
        item = await self._arranging.add(call.actor, body.kind, body.name, body.parent)
        answer = await self._answer(call, item)
        return Answer(answer.body, headers={**answer.headers, "Location": f"/api/v1/items/{item.id}"})

    async def change(self, call: Call[ChangeItem, NoQuery]) -> Answer | web.StreamResponse:
        item, version = call.path["id"], seen_version(call.request)
        if version is None:
            current = await self._arranging.get(call.actor, item)
            return version_needed(call.request, await self._shown(call, current))
        name = call.body.name if call.body.name is not None else KEEP
        parent = call.body.parent if "parent" in call.body.model_fields_set else KEEP
        seen = None if any_version(call.request) else version
        try:
            return await self._answer(
                call, await self._arranging.change(call.actor, item, seen, name, parent)
            )
        except Changed as error:
            return outdated(call.request, error, await self._shown(call, error.current[0]))

    async def move(self, call: Call[Move, NoQuery]) -> MovedAnswer | web.StreamResponse:
        versions = {one.id: one.version for one in call.body.items}
        if len(versions) < len(call.body.items):
            raise Invalid("items_repeated", "An item is in the list twice")
        try:
            items = await self._arranging.move(call.actor, versions, call.body.parent)
        except Changed as error:
            return outdated(call.request, error, list(await self._lines(call, error.current)))
        return MovedAnswer(items=await self._lines(call, items))

    async def removal(self, call: Call[None, NoQuery]) -> RemovalAnswer:
        return RemovalAnswer.of(await self._arranging.removal(call.actor, call.path["id"]))

    async def remove(self, call: Call[None, RemovalQuery]) -> web.StreamResponse | None:
        item, token = call.path["id"], call.query.confirmation
        if token is None:
            meaning = RemovalAnswer.of(await self._arranging.removal(call.actor, item))
            return problem(
                428,
                "confirmation_needed",
                meaning.meaning,
                request_id(call.request),
                next="Ask the person, then ask again with `removal.confirmation` as `confirmation`.",
                removal=meaning.model_dump(mode="json"),
            )
        await self._arranging.remove(call.actor, item, token)
        return None

    async def undoable(self, call: Call[None, NoQuery]) -> UndoAnswer:
        return UndoAnswer.of(await self._undoing.look(call.actor))

    async def undo(self, call: Call[None, NoQuery]) -> UndoAnswer:
        return UndoAnswer.of(await self._undoing.undo(call.actor))

    async def _shown(self, call: Call[Any, Any], item: Item) -> ItemAnswer:
        return ItemAnswer.of(await self._looking.one(call.actor, item))

    async def _answer(self, call: Call[Any, Any], item: Item) -> Answer:
        return Answer(await self._shown(call, item), headers=etag(item.version))

    async def _lines(self, call: Call[Any, Any], items: Any) -> list[TreeItem]:
        return [TreeItem.model_validate(hit.entry) for hit in await self._looking.all(call.actor, items)]
