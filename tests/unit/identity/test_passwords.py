"""The real hasher, a few hashes only: each costs about 11 ms of a core."""

import asyncio

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
