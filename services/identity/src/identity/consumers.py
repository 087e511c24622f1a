"""Bus in: identity decides from what people tell it, and hears nothing from the other services so far.

Mails about other services' facts begin here: a table of event and method.
"""

from common.consumer import Handler
from common.contracts import Event


def subscriptions() -> dict[type[Event], Handler]:
    return {}
