"""Puts the real pieces together."""

from pathlib import Path

from common.access import AccessBook
from common.app import Assembly, Background, Parts
from common.due import DueLoop
from relay import api
from relay.clients.coturn import CoturnLog
from relay.consumers import subscriptions
from relay.service.endings import Endings
from relay.service.ice import IceServers
from relay.service.ledger import Ledger
from relay.service.metering import Metering
from relay.service.places import Places
from relay.service.servers import Servers
from relay.service.sessions import Sessions
from relay.service.usage import Usage
from relay.settings import Settings
from relay.store import (
    INDEXES,
    MongoAccessStore,
    MongoLedgerStore,
    MongoMeterStore,
    MongoPlaceStore,
    MongoServerStore,
    MongoSessionStore,
)


def assemble(parts: Parts, settings: Settings) -> Assembly:
    ledger_store = MongoLedgerStore(parts.database)
    session_store, access_store = MongoSessionStore(parts.database), MongoAccessStore(parts.database)
    book = AccessBook(parts.database)
    places = Places(MongoPlaceStore(parts.database))
    servers = Servers(MongoServerStore(parts.database), parts.clock)
    usage = Usage(ledger_store, ledger_store, ledger_store, parts.clock)
    ice = IceServers(settings.stun_urls, settings.turn_urls, settings.turn_secret.get_secret_value())
    sessions = Sessions(session_store, access_store, servers, places, usage, ice, parts.clock)
    endings = Endings(session_store, access_store, book, sessions)
    background: list[Background] = [
        DueLoop("silent-servers", servers.next_due, servers.note_silent, parts.clock),
        DueLoop("gone-viewers", sessions.next_gone, sessions.note_gone, parts.clock),
    ]
    if settings.coturn_log:
        usage_log = CoturnLog(Path(settings.coturn_log))
        background.append(Metering(settings.coturn_node, usage_log, MongoMeterStore(parts.database)))
    return Assembly(
        routes=api.routes(servers, sessions, usage, book),
        subscriptions=subscriptions(Ledger(ledger_store), endings, usage, places),
        background=background,
        indexes=INDEXES,
    )
