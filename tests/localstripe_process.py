"""localstripe as a process of its own: `python localstripe_process.py` prints its port and serves until it is ended.

What it lacks and cannot do without is added here, and nothing else: confirming an intent off session (its own
confirmation takes no options), customers' consent to that being part of Stripe's since 2019.
"""

import socket
from typing import Any

from aiohttp import web
from localstripe import resources


def _confirm(id: str, off_session: str | None = None, **options: Any) -> Any:  # noqa: A002 (localstripe's name)
    return resources.PaymentIntent._api_confirm(id, **options)


resources.extra_apis[:] = [
    (method, path, _confirm if path.endswith("payment_intents/{id}/confirm") else act)
    for method, path, act in resources.extra_apis
]
resources.Store.dump_to_disk = lambda _: None  # it would share one file with every other one on this machine


def main() -> None:
    from localstripe.server import app

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who reads the port may come at once, and waits until the server takes it
    print(listener.getsockname()[1], flush=True)
    web.run_app(app, sock=listener, print=None, access_log=None)


if __name__ == "__main__":
    main()
