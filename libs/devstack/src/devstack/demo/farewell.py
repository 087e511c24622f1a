"""A camera is removed."""

from datetime import datetime, timedelta

from devstack.demo.caller import Json, TraceContext
from devstack.demo.cameras import Claimed, Unpacked
from devstack.demo.money import Clock
from devstack.demo.news import News
from devstack.demo.people import Person
from devstack.demo.stage import NotAsTold, Stage, check

FEES, ITEMS = "/api/v1/fees", "/api/v1/items"


async def remove(
    stage: Stage, owner: Person, news: News, clock: Clock, device: Unpacked, claimed: Claimed
) -> TraceContext:
    """Licence and fee end in the same moment; a Removed device stays. The trace of the request."""
    asked = device.camera.requests
    trace = TraceContext()
    await owner.caller.ask("DELETE", f"/api/v1/cameras/{claimed.camera}", status=204, trace=trace)
    ended = await news.wait("licensing.licence_changed.v1", camera=claimed.camera, state="ended")
    stage.tell("removes the camera", f"licence {ended['previous']} → {ended['state']} ({ended['cause']})")
    item = await _removed_item(owner, claimed)
    removed = datetime.fromisoformat(item["removed_at"])
    check("end of the licence", datetime.fromisoformat(ended["since"]), removed + clock.ahead)
    stage.tell("looks at the items", f"{item['name']}: {item['kind']}, removed {removed:%H:%M:%S.%f}"[:-3])
    await _fee_has_stopped(stage, owner, clock, claimed)
    device.camera.press_button()  # it calls now, not at its next heartbeat
    await device.wire.wait("/connection", 401)
    check("requests for a token since it was connected", device.camera.requests - asked, 0)
    stage.tell("the camera calls once more", "401: its token is dead; it never asked for another")
    return trace


async def _removed_item(owner: Person, claimed: Claimed) -> Json:
    items = (await owner.caller.ask("GET", ITEMS))["items"]
    kept: list[Json] = [item for item in items if item["id"] == claimed.camera]
    check(f"the camera in GET {ITEMS}", [item["kind"] for item in kept], ["removed_device"])
    return kept[0]


async def _fee_has_stopped(stage: Stage, owner: Person, clock: Clock, claimed: Claimed) -> None:
    """The clock moves on inside the month, and the fee does not."""
    before = await owner.caller.ask("GET", FEES)
    month_ends, as_of = (datetime.fromisoformat(before[name]) for name in ("period_end", "as_of"))
    forward = min(timedelta(days=1), (month_ends - as_of) / 2)
    await clock.move(forward)
    after = await owner.caller.ask("GET", FEES)
    check("fee after the removal", after["licences"], before["licences"])
    [line] = after["licences"]
    if line["camera"] != claimed.camera or not line["ended_at"]:
        raise NotAsTold("line of the fees", "the ended licence", line)
    stage.tell(
        f"staff moves the clock on by {forward / timedelta(hours=1):.0f} h",
        f"the fee stands still: {line['seconds']:,} s, {line['micros'] / 1e6:.6f} ct",
    )
