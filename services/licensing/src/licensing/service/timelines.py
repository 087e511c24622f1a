"""Timelines as they are now, the background work that is still to come included."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from common.ids import LicenceId, OrganisationId
from licensing.domain.licence import Change, Licence
from licensing.domain.renewals import Renewals
from licensing.domain.standing import Debts
from licensing.domain.timeline import Entry


class Timelines(Protocol):
    async def entries(
        self, organisation: OrganisationId, licences: Sequence[LicenceId]
    ) -> dict[LicenceId, list[Entry]]:
        """The log of each of these licences."""
        ...


async def entries_known(
    store: Timelines,
    organisation: OrganisationId,
    licences: Sequence[Licence],
    now: datetime,
    debts: Debts,
    renewals: Renewals,
) -> dict[LicenceId, list[Entry]]:
    """What is written, and what time and debts have brought but is not: fees never wait for a loop."""
    written = await store.entries(organisation, [licence.id for licence in licences])
    return {
        licence.id: _complete(licence.caught_up(now, debts, renewals), written.get(licence.id, []))
        for licence in licences
    }


def _complete(changes: Sequence[Change], written: Sequence[Entry]) -> list[Entry]:
    entries = {Entry.of(change).number: Entry.of(change) for change in changes}
    # What was written after the licence was read has the same number, and the last word.
    entries.update((entry.number, entry) for entry in written)
    return list(entries.values())
