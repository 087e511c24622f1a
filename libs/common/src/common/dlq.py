"""The dead-letter queue for operators: list what was parked and why, show one, replay.

python -m common.dlq list licensing
python -m common.dlq show licensing EVENT_ID
python -m common.dlq replay licensing [EVENT_ID ...]
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import aio_pika
import orjson
import typer
from aio_pika.abc import AbstractIncomingMessage
from rich.console import Console
from rich.table import Table

from common.bus import Topology
from common.consumer import ATTEMPT, FAILED_AT, REASON
from common.envelope import PREFIX

LOOK_AT_MOST = 1_000
cli = typer.Typer(help="Events that could not be handled: list, show, replay.", no_args_is_help=True)
console = Console()


@dataclass(frozen=True, slots=True)
class Letter:
    """One parked event."""

    id: str
    type: str
    subject: str
    failed_at: str
    reason: str
    body: bytes


class DeadLetters:
    """One service's dead-letter queue."""

    def __init__(self, url: str, topology: Topology) -> None:
        self._url = url
        self._topology = topology

    async def look(self, limit: int = LOOK_AT_MOST) -> list[Letter]:
        """The parked events, oldest first; they stay where they are."""
        async with self._messages(limit) as (_, messages):
            letters = [_letter(message) for message in messages]
            for message in reversed(messages):
                await message.reject(requeue=True)
            return letters

    async def replay(self, ids: Sequence[str] = ()) -> int:
        """Put these (or all) back into the service's queue; returns how many.

        Each leaves the dead-letter queue only when the broker has confirmed it in the other.
        """
        replayed = 0
        async with self._messages(LOOK_AT_MOST) as (channel, messages):
            for message in messages:
                if ids and message.message_id not in ids:
                    await message.reject(requeue=True)
                    continue
                headers = {
                    key: value
                    for key, value in message.headers.items()
                    if key not in {ATTEMPT, REASON, FAILED_AT} and not key.startswith("x-")
                }
                copy = aio_pika.Message(
                    message.body,
                    headers=headers,
                    content_type=message.content_type,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    message_id=message.message_id,
                )
                await channel.default_exchange.publish(copy, routing_key=self._topology.queue, timeout=10)
                await message.ack()
                replayed += 1
        return replayed

    @asynccontextmanager
    async def _messages(
        self, limit: int
    ) -> AsyncIterator[tuple[aio_pika.abc.AbstractChannel, list[AbstractIncomingMessage]]]:
        connection = await aio_pika.connect(self._url, timeout=5)
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            queue = await channel.declare_queue(self._topology.dead, passive=True)
            messages: list[AbstractIncomingMessage] = []
            while len(messages) < limit:
                message = await queue.get(fail=False, timeout=5)
                if message is None:
                    break
                messages.append(message)
            yield channel, messages


def _letter(message: AbstractIncomingMessage) -> Letter:
    def header(name: str) -> str:
        value = message.headers.get(name, "")
        return value.decode() if isinstance(value, bytes) else str(value)

    return Letter(
        id=message.message_id or header(PREFIX + "id"),
        type=header(PREFIX + "type") or "unknown",
        subject=header(PREFIX + "subject"),
        failed_at=header(FAILED_AT),
        reason=header(REASON) or "came back too often: its process died while handling it",
        body=message.body,
    )


def _letters(service: str) -> DeadLetters:
    url = os.environ.get("VEDETTE_AMQP_URL", "amqp://127.0.0.1:5672")
    return DeadLetters(url, Topology(os.environ.get("VEDETTE_BUS_PREFIX", "vedette"), service))


@cli.command("list")
def list_letters(service: str) -> None:
    """What is parked, and why."""
    letters = asyncio.run(_letters(service).look())
    table = Table(title=f"Dead letters of {service}: {len(letters)}")
    for column in ("id", "type", "subject", "failed at", "reason"):
        table.add_column(column, overflow="fold")
    for letter in letters:
        table.add_row(letter.id, letter.type, letter.subject, letter.failed_at, letter.reason)
    console.print(table)


@cli.command()
def show(service: str, event_id: str) -> None:
    """One parked event with its body."""
    for letter in asyncio.run(_letters(service).look()):
        if letter.id == event_id:
            console.print(f"[b]{letter.type}[/] {letter.subject}\n{letter.reason}")
            try:
                console.print_json(orjson.dumps(orjson.loads(letter.body)).decode())
            except orjson.JSONDecodeError:
                console.print(repr(letter.body))
            return
    console.print(f"No event {event_id} is parked in {service}.")
    raise typer.Exit(1)


@cli.command()
def replay(
    service: str, event_ids: Annotated[list[str] | None, typer.Argument(help="All when none is named")] = None
) -> None:
    """Hand parked events to the service again."""
    count = asyncio.run(_letters(service).replay(event_ids or ()))
    console.print(f"Replayed {count} event(s) to {service}.")


if __name__ == "__main__":
    cli()
