"""Which things somebody with rights on a part reaches: what the gateway asks before it tells them news.

The service that knows decides, at the moment of the news: a moved item changes rights at once (rule 28).
"""

from typing import Annotated

from pydantic import Field

from common.http.route import Body

MOST: int = 1000
"""Ids in one question."""


class Ids(Body):
    """Question and answer: of the ids asked about, those that are reached."""

    ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(max_length=MOST)
