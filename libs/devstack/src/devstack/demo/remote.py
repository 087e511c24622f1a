"""Remote access: peer to peer first, relayed up to 300 GB a month."""

import time
from typing import Any

from device.server import ServerAgent
from device.turn import relay_of, relayed_path
from devstack.demo.caller import Json
from devstack.demo.news import News
from devstack.demo.people import Person
from devstack.demo.stage import NotAsTold, Stage, check, eventually

GB = 10**9
ALLOWANCE = 300 * GB
RELAYED = 4_000_000
"""Bytes sent through the relay; they come back the same way, and both directions count."""
OVERHEAD = 1.02
"""TURN's own bytes beside the payload, at most."""
LONGEST_CREDENTIAL = 60.0
USAGE = "/api/v1/relay-usage"


async def green_server(stage: Stage, owner: Person, news: News) -> str:
    """Its id. The agent is the real one; registered by a person, alive by its own credential."""
    agent = ServerAgent(stage.http, stage.gateway, "6.8.0")
    registration = await agent.register(owner.caller.token, "Recorder in the cellar")
    refused = await owner.caller.ask(
        "POST", "/api/v1/remote-sessions", {"server": registration.id}, status=409
    )
    check("why there is no session yet", refused["code"], "server_not_green")
    stage.tell("registers an on-site server (6.8.0)", f"no session yet: {refused['next']}")
    pulse = await agent.heartbeat(registration)
    check("status after the heartbeat", pulse.status, "green")
    await news.wait("relay.server_status_changed.v1", server=registration.id, status="green")
    stage.tell("the server sends its first heartbeat", "Green")
    return registration.id


async def relayed_session(stage: Stage, owner: Person, server: str) -> str:
    """A session's id, after real bytes went through the real relay and were counted."""
    opened = await owner.caller.ask("POST", "/api/v1/remote-sessions", {"server": server}, status=201)
    check("mode of the session", opened["mode"], "peer_to_peer_or_relay")
    session = str(opened["session"]["id"])
    *_, username, _credential = relay_of(opened["ice_servers"])
    lives = int(username.partition(":")[0]) - time.time()
    if not 0 < lives <= LONGEST_CREDENTIAL:
        raise NotAsTold("life of the TURN credential", f"up to {LONGEST_CREDENTIAL:g} s", f"{lives:.0f} s")
    urls = ", ".join(url.partition("?")[0] for one in opened["ice_servers"] for url in one["urls"])
    stage.tell("opens a remote session", f"{urls}; the TURN credential holds {lives:.0f} s")
    async with relayed_path(opened["ice_servers"], echo=True) as path:
        await path.send(RELAYED)
        check("bytes that arrived through the relay", path.arrived, RELAYED)
        check("bytes that came back", path.returned, RELAYED)
    stage.tell(
        "sends video through coturn with it", f"{_mb(RELAYED)} there and {_mb(RELAYED)} back, none lost"
    )
    counted = await _counted(stage, owner, session)
    usage = await owner.caller.ask("GET", USAGE)
    check("this month's total: the one session's bytes", usage["used_bytes"], counted)
    stage.tell(
        "looks at the month to date",
        f"{_mb(counted)} counted by coturn, {usage['left_bytes'] / GB:.3f} of 300 GB left",
    )
    return session


async def allowance_used_up(
    stage: Stage, owner: Person, staff: Person, news: News, server: str, session: str
) -> None:
    """At 300 GB: peer to peer only, the answer says why, and what is relayed ends."""
    usage = await owner.caller.ask("GET", USAGE)
    body = {"organisation": owner.organisation, "forwarded_bytes": usage["left_bytes"]}
    await staff.caller.ask("POST", "/api/v1/simulated-usage", body, status=202)
    stage.tell("staff simulates a busy relay node", f"{_mb(usage['left_bytes'])} in samples over RabbitMQ")
    for percent in (50, 80, 90, 100):
        await news.wait("relay.allowance_crossed.v1", percent=percent)
    full = await eventually(
        lambda: owner.caller.ask("GET", USAGE), lambda usage: usage["left_bytes"] == 0, USAGE, "0 bytes left"
    )
    check("used of the allowance", full["used_bytes"], ALLOWANCE)
    stage.tell(
        "hears 50, 80, 90 and 100 %", f"{full['used_bytes'] / GB:g} GB used, {full['left_bytes']} left"
    )
    ended = await news.wait("relay.remote_session_closed.v1", session=session)
    check("why the relayed session ended", ended["reason"], "allowance_used_up")
    stage.tell("the relayed session was still open", f"closed: {ended['reason']}")
    opened = await owner.caller.ask("POST", "/api/v1/remote-sessions", {"server": server}, status=201)
    check("mode of the session", opened["mode"], "peer_to_peer_only")
    check("TURN servers offered", [one for one in opened["ice_servers"] if one.get("credential")], [])
    reason = str(opened["reason"])
    if "300 GB" not in reason or "peer to peer only" not in reason:
        raise NotAsTold("reason in the answer", "why there is no relay", reason)
    stage.tell("opens another session", f"{opened['mode']}: {reason}")


async def _counted(stage: Stage, owner: Person, session: str) -> int:
    """The session's bytes as the ledger has them, once coturn's closing report is in it."""
    sent = 2 * RELAYED

    def complete(shown: Json) -> bool:
        return sent <= int(shown["relayed_bytes"]) <= sent * OVERHEAD

    async def look() -> Any:
        return await owner.caller.ask("GET", f"/api/v1/remote-sessions/{session}")

    began = time.monotonic()
    shown = await eventually(look, complete, "relayed bytes of the session", f"{sent} and a little more")
    waited = time.monotonic() - began
    stage.tell("closes the path; coturn reports a second later", f"in the ledger after {waited:.1f} s")
    return int(shown["relayed_bytes"])


def _mb(count: int) -> str:
    return f"{count / 1e6:,.3f} MB".replace(".000", "")
