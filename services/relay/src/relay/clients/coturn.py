"""coturn's verbose log, read as facts (coturn 4.6: `-v --simple-log --new-log-timestamp`, TZ=UTC).

    2026-11-22T05:20:55+0000: session 000000000000000001: new, realm=<r>, username=<u>, lifetime=600
    2026-11-22T05:20:56+0000: session 000000000000000001: usage: realm=<r>, ..., rp=1, rb=1, sp=9, sb=900
    2026-11-22T05:20:56+0000: session 000000000000000001: peer usage: realm=<r>, ..., sp=2, sb=2400
    2026-11-22T05:20:57+0000: session 000000000000000001: delete: realm=<r>, username=<u>

`usage` counts the client's side, `peer usage` the other one, both since the line before; `sb` is what coturn
sent there. One line comes per 2048 packets of an allocation and at its end, flushed at once. Session ids
begin anew with every start of coturn. Rotation: rename the log to `<name>.<anything>`, then tell coturn to
reopen it (CLI `lr`); the renamed file is read to its end first.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from relay.domain.metering import Closed, Fact, Forwarded, NodeStarted, Opened, Position
from relay.service.metering import Reading

CHUNK = 256 * 1024
HEAD = 64
"""Bytes at the beginning of a log (a timestamp and the file's own name) that tell it from a later file which
got the same inode."""
_STARTED = re.compile(rb"\S{10}T\S{8}\+0000: Total General servers: \d+")
_LINE = re.compile(rb"(\S{10}T\S{8}\+0000): session (\d{18}): (.+)")
_OPENED = re.compile(rb"new, realm=<[^<>]*>, username=<([^<>]*)>, lifetime=\d+")
_USAGE = re.compile(rb"(?:peer )?usage: realm=<[^<>]*>, username=<[^<>]*>, rp=\d+, rb=\d+, sp=\d+, sb=(\d+)")
_CLOSED = re.compile(rb"delete: realm=<[^<>]*>, username=<[^<>]*>")
log = structlog.get_logger("meter")


class CoturnLog:
    """One node's log, across rotations."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, position: Position | None) -> Reading | None:
        """The whole lines after `position`, up to `CHUNK` bytes; None when there is none."""
        current = _identify(self._path)  # before reading the old file: what is in it now is all of it
        if position is not None and position.file != current:
            old = self._renamed(position.file)
            reading = _read(old, position) if old else None
            if reading is not None or current is None:
                return reading
            if old is None:
                log.error("a log that was not read to its end is gone", path=str(self._path))
        if current is None:
            return None
        if position is None or position.file != current:
            position = Position(current, 0)
        return _read(self._path, position)

    def _renamed(self, identity: str) -> Path | None:
        siblings = self._path.parent.glob(f"{self._path.name}.*")
        return next((path for path in siblings if _identify(path) == identity), None)


def _identify(path: Path) -> str | None:
    """What stays the same when a file is renamed; None when it is absent or has not begun yet."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            inode = os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return None
    if len(head) < HEAD:
        return None
    return f"{inode:x}-{hashlib.sha256(head).hexdigest()[:16]}"


def _read(path: Path, position: Position) -> Reading | None:
    with path.open("rb") as file:
        file.seek(position.offset)
        chunk = _whole_lines(file)
    if not chunk:
        return None
    facts = tuple(_facts(chunk, position))
    return Reading(facts, Position(position.file, position.offset + len(chunk)))


def _whole_lines(file: BinaryIO) -> bytes:
    chunk = file.read(CHUNK)
    if len(chunk) == CHUNK and b"\n" not in chunk:
        return chunk  # no line of coturn's is that long
    return chunk[: chunk.rfind(b"\n") + 1]


def _facts(chunk: bytes, position: Position) -> Iterator[Fact]:
    offset = position.offset
    for line in chunk.splitlines(keepends=True):
        if (fact := parse(line.rstrip(b"\n"), f"{position.file}-{offset}")) is not None:
            yield fact
        offset += len(line)


def parse(line: bytes, place: str) -> Fact | None:
    """The fact in one line, if it has one that matters; `place` is unique for ever to this line.

    Every pattern is anchored at both ends: strangers choose parts of some lines (their user names).
    """
    if _STARTED.fullmatch(line):
        return NodeStarted()
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    session, said = found[2].decode(), found[3]
    if usage := _USAGE.fullmatch(said):
        at = datetime.strptime(found[1].decode(), "%Y-%m-%dT%H:%M:%S%z")
        return Forwarded(session, at, int(usage[1]))
    if opened := _OPENED.fullmatch(said):
        return Opened(session, opened[1].decode("utf-8", "replace"), place)
    return Closed(session) if _CLOSED.fullmatch(said) else None
