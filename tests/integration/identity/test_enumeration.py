"""How long an answer takes tells nobody whether an account exists: the two distributions overlap.

The measure is the chance that a random "unknown account" took longer than a random "wrong password" (the rank
statistic of Mann and Whitney): 0.5 when nothing can be told apart, 0 or 1 when everything can. With 60 tries of
each, alternated so that whatever else the machine does hits both alike, its standard error is 0.053; the bound
is more than four of them away, so the test fails by chance less than once in ten thousand runs.
"""

import time
from statistics import median
from typing import Any

import pytest
from pydantic import SecretStr

from identity_replica import Browser, people, replica, replica_settings

pytestmark = pytest.mark.servers
TRIES, WARM_UP = 60, 6
FAR = 0.22
"""From one half, either way."""
ADA = "ada@acme.example"


def chance_of_longer(ours: list[float], theirs: list[float]) -> float:
    wins = sum((one > other) + 0.5 * (one == other) for one in ours for other in theirs)
    return wins / (len(ours) * len(theirs))


async def took(browser: Browser, body: dict[str, Any], number: int, status: int = 401) -> float:
    """Seconds; each try from a network of its own, so that no delay is in it."""
    headers = {"X-Forwarded-For": f"10.{number // 250}.{number % 250}.1"}
    started = time.perf_counter()
    answered, _ = await browser.post("sign-ins", body, headers)
    passed = time.perf_counter() - started
    assert answered == status
    return passed


async def test_an_unknown_account_takes_as_long_as_a_wrong_password(
    mongo_url: str, amqp_url: str, prefix: str, catcher: Any
) -> None:
    settings = replica_settings(mongo_url, amqp_url, prefix, smtp_url=SecretStr(catcher.url), hash_threads=1)
    async with replica(settings) as browser:
        await people(settings, ADA)
        wrong, unknown, malformed = [], [], []
        for number in range(TRIES + WARM_UP):
            body = {"login": ADA, "password": f"wrong horse {number}"}
            stranger = {"login": f"user{number}@acme.example", "password": f"wrong horse {number}"}
            # The order changes, so that neither is always the first after a pause.
            if number % 2:
                wrong.append(await took(browser, body, 3 * number))
                unknown.append(await took(browser, stranger, 3 * number + 1))
            else:
                unknown.append(await took(browser, stranger, 3 * number + 1))
                wrong.append(await took(browser, body, 3 * number))
            malformed.append(await took(browser, {"login": ADA}, 3 * number + 2, 422))
    wrong, unknown, malformed = wrong[WARM_UP:], unknown[WARM_UP:], malformed[WARM_UP:]

    told_apart = chance_of_longer(unknown, wrong)
    assert abs(told_apart - 0.5) < FAR, (told_apart, median(unknown), median(wrong))
    assert 0.8 < median(unknown) / median(wrong) < 1.25
    # The same measure does see a difference where there is one: an answer without any hashing.
    assert chance_of_longer(malformed, wrong) < 0.5 - FAR
