"""In which order the writes of many callers go into one transaction."""

from common.database import Insert
from common.mongo.command import Command, by_collection

MARKER = Insert("idempotent_effects", {"_id": "request"})


async def test_what_marks_a_cause_goes_first_whoever_else_writes_in_the_same_moment() -> None:
    another = Command([Insert("claims", {"_id": "theirs"}), Insert("items", {"_id": "theirs"})])
    repeated = Command([Insert("items", {"_id": "mine"}), Insert("claims", {"_id": "mine"})], MARKER)

    batches = by_collection([another, repeated])

    assert list(batches) == ["idempotent_effects", "claims", "items"]
    assert batches["idempotent_effects"] == [(repeated, MARKER)]
    assert [command for command, _ in batches["claims"]] == [another, repeated]
