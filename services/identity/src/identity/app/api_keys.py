"""API keys, put together."""

from common.due import DueLoop
from identity.api import ApiKeysApi
from identity.app.core import Core, Wing
from identity.service.api_keys import ApiKeys
from identity.store import ApiKeyStore


def api_keys(core: Core) -> Wing:
    store = ApiKeyStore(core.parts.database, core.store)
    keys = ApiKeys(store, core.secrets, core.throttles, core.post, core.keys, core.clock)
    reminders = DueLoop("api_key_reminders", keys.next_reminder, keys.remind, core.clock)
    return Wing(apis=[ApiKeysApi(keys, core.origins)], background=[reminders])
