"""A process says what is missing, and stays in service where it can."""

from common.health import Health


class Dependency:
    def __init__(self) -> None:
        self.there = True

    async def __call__(self) -> None:
        if not self.there:
            raise ConnectionError("cannot be reached")


def health() -> tuple[Health, Dependency, Dependency]:
    database, broker = Dependency(), Dependency()
    return Health({"mongodb": database, "rabbitmq": broker}, {"rabbitmq"}, started=True), database, broker


async def test_with_everything_there_it_is_ready() -> None:
    state, _, _ = health()
    missing = await state.missing()
    assert (missing, state.ready(missing)) == ({}, True)


async def test_without_its_database_it_is_not_and_says_why() -> None:
    state, database, _ = health()
    database.there = False
    missing = await state.missing()
    assert (missing, state.ready(missing)) == ({"mongodb": "cannot be reached"}, False)


async def test_it_does_not_begin_without_its_broker() -> None:
    state, _, broker = health()
    broker.there = False
    assert not state.ready(await state.missing())


async def test_a_broker_that_goes_away_later_is_told_but_requests_still_come() -> None:
    state, _, broker = health()
    await state.missing()
    broker.there = False
    missing = await state.missing()
    assert (set(missing), state.ready(missing)) == ({"rabbitmq"}, True)


async def test_who_is_stopping_is_not_ready() -> None:
    state, _, _ = health()
    await state.missing()
    state.stopping = True
    assert not state.ready(await state.missing())
