"""The real hasher, a few hashes only: each costs about 11 ms of a core."""

import asyncio

import pytest

from common.errors import Unavailable
from identity.service.passwords import Argon2Hasher


async def test_hashes_are_argon2id_at_the_parameters_owasp_recommends() -> None:
    hasher = Argon2Hasher(1, 4)
    hashed = await hasher.hash("correct horse")
    try:
        assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert hasher.decoy.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await hasher.verify(hashed, "correct horse")
        assert not await hasher.verify(hashed, "wrong horse")
        assert not await hasher.verify(hasher.decoy, "correct horse")
    finally:
        await hasher.close()


async def test_when_too_many_wait_the_rest_is_asked_to_come_back() -> None:
    hasher = Argon2Hasher(1, 2)
    try:
        answers = await asyncio.gather(
            *(hasher.hash("correct horse") for _ in range(5)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, Unavailable)]
        assert len(refused) == 2
        assert all(answer.retry_after for answer in refused)
        assert await hasher.hash("correct horse")  # room again
    finally:
        await hasher.close()


async def test_those_who_must_wait_are_answered_together() -> None:
    hasher = Argon2Hasher(1, 16)
    try:
        callers = [asyncio.create_task(hasher.verify(hasher.decoy, "correct horse")) for _ in range(5)]
        first, others = await asyncio.wait(callers, return_when=asyncio.FIRST_COMPLETED)
        assert first == {callers[0]}
        _, still_waiting = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        assert still_waiting == set()
    finally:
        await hasher.close()


async def test_what_cannot_be_computed_is_its_own_callers_trouble() -> None:
    hasher = Argon2Hasher(1, 16)
    try:
        _, spoilt, sound = await asyncio.gather(
            hasher.verify(hasher.decoy, "correct horse"),
            hasher.verify("no hash is as long as this" * 100, "correct horse"),
            hasher.verify(hasher.decoy, "correct horse"),
            return_exceptions=True,
        )
        assert isinstance(spoilt, ValueError)
        assert sound is False
    finally:
        await hasher.close()


async def test_who_hangs_up_leaves_the_others_of_the_group_alone_and_makes_room() -> None:
    hasher = Argon2Hasher(1, 2)
    try:
        callers = [asyncio.create_task(hasher.hash("correct horse")) for _ in range(3)]
        await asyncio.sleep(0)
        callers[0].cancel()
        callers[1].cancel()
        assert await callers[2]
        assert all(await asyncio.gather(*(hasher.hash("correct horse") for _ in range(3))))
        with pytest.raises(asyncio.CancelledError):
            await callers[0]
    finally:
        await hasher.close()
