"""A small real service for the suite's own tests: `python stand_in.py NAME`, told by the same variables.

`identity` sends a real mail at sign-up; `gateway` passes requests on to it.
"""

import asyncio
import os
import signal
import sys
from email.message import EmailMessage
from urllib.parse import urlsplit

import aiosmtplib
from aiohttp import ClientSession, web

CODE = "4F7K-22QM"


async def ready(_: web.Request) -> web.Response:
    return web.json_response({"status": "ready"})


async def sign_up(request: web.Request) -> web.Response:
    form = await request.json()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "vedette@x.example", form["email"], "Welcome"
    message.set_content(f"Your activation code: {CODE}\n")
    smtp = urlsplit(os.environ["VEDETTE_SMTP_URL"])
    await aiosmtplib.send(message, hostname=smtp.hostname, port=smtp.port)
    return web.json_response({}, status=202)


async def activate(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response({}, status=200 if body["code"] == CODE else 422)


async def pass_on(request: web.Request) -> web.Response:
    url = os.environ["VEDETTE_IDENTITY_URL"] + request.path
    async with ClientSession() as session, session.post(url, data=await request.read()) as answer:
        return web.Response(status=answer.status, body=await answer.read())


async def main(name: str) -> None:
    if name == "relay" and not os.environ["VEDETTE_TURN_SECRET"]:
        raise SystemExit("settings: VEDETTE_TURN_SECRET: missing")
    app = web.Application()
    app.router.add_get("/ready", ready)
    sign_ups, activations = (pass_on, pass_on) if name == "gateway" else (sign_up, activate)
    app.router.add_post("/api/v1/organisations", sign_ups)
    app.router.add_post("/api/v1/activations", activations)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(os.environ["VEDETTE_HTTP_PORT"])).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
