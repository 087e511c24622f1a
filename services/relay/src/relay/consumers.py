"""Bus in: which event goes to which method."""

from collections.abc import Mapping

from common.consumer import Handler
from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.contracts.relay import AllowanceCrossed, ServerStatusChanged, UsageSampled
from relay.service.ledger import Ledger
from relay.service.sessions import Sessions
from relay.service.usage import Usage


def subscriptions(ledger: Ledger, sessions: Sessions, usage: Usage) -> Mapping[type[Event], Handler]:
    return {
        OrganisationCreated: usage.know,
        UsageSampled: ledger.hear,
        AllowanceCrossed: sessions.end_relayed,
        ServerStatusChanged: sessions.end_with_server,
    }
