"""How relay is kept in MongoDB."""

from relay.store.accesses import MongoAccessStore
from relay.store.ledger import LEDGER_INDEXES, MongoLedgerStore
from relay.store.meters import METER_INDEXES, MongoMeterStore
from relay.store.places import MongoPlaceStore
from relay.store.servers import SERVER_INDEXES, MongoServerStore
from relay.store.sessions import SESSION_INDEXES, MongoSessionStore

INDEXES = (*SERVER_INDEXES, *SESSION_INDEXES, *LEDGER_INDEXES, *METER_INDEXES)

__all__ = [
    "INDEXES",
    "MongoAccessStore",
    "MongoLedgerStore",
    "MongoMeterStore",
    "MongoPlaceStore",
    "MongoServerStore",
    "MongoSessionStore",
]
