"""`/api/v1/items`: the tree as people see it, search and favourites."""

from typing import Any, get_args

import orjson
from aiohttp import web
from pydantic import Field

from common.auth import Action, Actor
from common.contracts.licensing import LicenceState
from common.http import Answer, Call, NoQuery, Query, Route
from common.http.reached import Ids
from provisioning.api.item_answers import ItemAnswer, SearchAnswer, TreeAnswer
from provisioning.api.preconditions import etag, unless_known
from provisioning.api.rows import rows
from provisioning.domain import SHOWN, Item, Language, language_of
from provisioning.service import ArrangingService, FavouritesService, Filter, LookingService, Reaching
from provisioning.service.presence import Connection


def _several(*known: str) -> str:
    """The pattern of several of these values, with commas between them."""
    one = f"({'|'.join(known)})"
    return f"^{one}(,{one})*$"


_route = rows("Items", Action.READ_CAMERAS, narrows=True)


class Spoken(Query):
    language: Language | None = Field(None, description="Whose alphabet; else as Accept-Language says")

    def spoken(self, request: web.Request) -> Language:
        return self.language or language_of(request.headers.get("Accept-Language", "")[:200])


class TreeQuery(Spoken):
    kind: str | None = Field(
        None,
        max_length=200,
        pattern=_several(*SHOWN),
        description="Only these kinds, with commas between them",
    )
    connection: str | None = Field(
        None,
        max_length=200,
        pattern=_several(*get_args(Connection)),
        description="Only cameras in these states of connection",
    )
    licence: str | None = Field(
        None,
        max_length=200,
        pattern=_several("none", *get_args(LicenceState)),
        description="Only cameras with these states of licence; `none`: not licensed yet",
    )

    def only(self) -> Filter:
        return Filter(_set(self.kind), _set(self.connection), _set(self.licence))


class SearchQuery(Spoken):
    q: str = Field(min_length=1, max_length=100, description="Piece of a name, a serial number or a MAC")
    limit: int = Field(20, ge=1, le=50)


class ItemsApi:
    def __init__(
        self,
        looking: LookingService,
        arranging: ArrangingService,
        favourites: FavouritesService,
        reaching: Reaching,
    ) -> None:
        self._looking = looking
        self._arranging = arranging
        self._favourites = favourites
        self._reaching = reaching

    def routes(self) -> list[Route]:
        one, liked = "/api/v1/items/{id}", "/api/v1/items/{id}/favourite"
        return [
            _route("GET", "/api/v1/items", self.tree, "The item tree (If-None-Match: only if it changed)",
                   query=TreeQuery, answer=TreeAnswer),
            _route("GET", "/api/v1/items/search", self.search, "Items by a piece of name, serial or MAC",
                   query=SearchQuery, answer=SearchAnswer),
            _route("POST", "/api/v1/items/reached", self.reached, "Which of these items I reach",
                   recorded=False, body=Ids, answer=Ids),
            _route("GET", one, self.get, "An item and where it lies", answer=ItemAnswer),
            _route("PUT", liked, self.favour, "Show it at the top",
                   status=204, problems=(409,)),
            _route("DELETE", liked, self.unfavour, "No longer at the top", status=204),
        ]  # fmt: skip

    async def tree(self, call: Call[None, TreeQuery]) -> web.Response:
        language = call.query.spoken(call.request)
        entries = await self._looking.tree(call.actor, language, call.query.only())
        answer = {"items": entries, "favourites": [entry.id for entry in entries if entry.favourite]}
        return unless_known(call.request, orjson.dumps(answer, option=orjson.OPT_UTC_Z))

    async def search(self, call: Call[None, SearchQuery]) -> SearchAnswer:
        query = call.query
        hits = await self._looking.search(call.actor, query.q, query.spoken(call.request), query.limit)
        return SearchAnswer(items=[ItemAnswer.of(hit) for hit in hits])

    async def get(self, call: Call[None, NoQuery]) -> Answer:
        item = await self._reached(call.actor, call.path["id"])
        return Answer(ItemAnswer.of(await self._looking.one(call.actor, item)), headers=etag(item.version))

    async def reached(self, call: Call[Ids, NoQuery]) -> Ids:
        """Also such as were removed: whoever reached them hears of it."""
        reached = await self._reaching.covered(call.actor, call.body.ids)
        return Ids(ids=[item for item in call.body.ids if item in reached])

    async def favour(self, call: Call[None, NoQuery]) -> None:
        await self._favourites.add(call.actor, await self._reached(call.actor, call.path["id"]))

    async def unfavour(self, call: Call[None, NoQuery]) -> None:
        await self._favourites.remove(call.actor, await self._reached(call.actor, call.path["id"]))

    async def _reached(self, actor: Actor, item: str) -> Item:
        return await self._arranging.get(actor, item)


def _set(text: str | None) -> frozenset[Any]:
    return frozenset(text.split(",")) if text else frozenset()
