"""Counting claims that nobody has proved yet."""

from common.clock import Clock
from common.ids import OrganisationId, UserId
from provisioning.domain import DeviceId, Limit, Tried, tried
from provisioning.domain.tries import account, network, retyping
from provisioning.service.needs import Custody

RETYPING = Limit(10)
"""Tries of one organisation for one device in an hour."""


class Tries:
    """Looked at first and counted with the claim: some that come at the same moment may slip through."""

    def __init__(self, custody: Custody, clock: Clock, per_account: int, per_network: int) -> None:
        self._custody = custody
        self._clock = clock
        self._account = Limit(per_account)
        self._network = Limit(per_network)

    async def count(
        self, organisation: OrganisationId, user: UserId, origin: str, device: DeviceId
    ) -> list[Tried]:
        """What to save with the claim; `Throttled` when it has to wait."""
        limits = {
            account(organisation, user): self._account,
            network(origin): self._network,
            retyping(organisation, device): RETYPING,
        }
        known = await self._custody.tries(list(limits))
        now = self._clock.now()
        return [tried(identity, known.get(identity), limit, now) for identity, limit in limits.items()]
