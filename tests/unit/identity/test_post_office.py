"""Who carries a mail, and how often."""

import asyncio
from collections.abc import Mapping

from common.testing import FixedClock, MemoryDatabase, memory_sealer
from identity.clients.letters import write
from identity.domain.mails import Letter, Mail
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.store import IdentityStore


class Carried:
    """Remembers whose letters it took; takes its time."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def carry(self, letter: Letter) -> None:
        await asyncio.sleep(0)
        self.to.append(letter.to)


def write_if_possible(mail: Mail, secrets: Mapping[str, str]) -> Letter:
    if mail.to.startswith("broken"):
        raise ValueError("cannot be written")
    return write(mail, secrets)


async def office(database: MemoryDatabase, carrier: Carried, *recipients: str) -> PostOffice:
    post = PostOffice(
        IdentityStore(database), Secrets(memory_sealer()), FixedClock(), write_if_possible, carrier
    )
    for to in recipients:
        mail = post.mail(f"account_exists:{to}", "account_exists", "en", to, {"name": "Ada", "link": "x"})
        await IdentityStore(database).save(mail)
    return post


async def test_two_replicas_that_see_the_same_mail_send_it_once() -> None:
    database, carrier = MemoryDatabase(), Carried()
    first = await office(database, carrier, "ada@acme.example", "bob@acme.example")
    second = await office(database, carrier)
    await asyncio.gather(first.deliver(), second.deliver())

    assert sorted(carrier.to) == ["ada@acme.example", "bob@acme.example"]


async def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others() -> None:
    database, carrier = MemoryDatabase(), Carried()
    post = await office(database, carrier, "broken@acme.example", "bob@acme.example")
    await post.deliver()

    assert carrier.to == ["bob@acme.example"]
    states = {row["to"]: row["state"] for row in database.collections["mails"].values()}
    assert states == {"broken@acme.example": "waiting", "bob@acme.example": "sent"}


async def test_the_code_of_a_waiting_mail_is_sealed() -> None:
    database = MemoryDatabase()
    post = await office(database, Carried())
    mail = post.mail("activation:1", "activation", "en", "a@b.example", {"link": "x"}, code="K7QM-2PXA")

    assert mail.sealed is not None
    assert "K7QM" not in repr(mail)
    assert "code" not in mail.values
