"""The main job, from an unpacked camera to licensed, connected, metered and removed."""

from devstack.demo import cameras, farewell, money, people, remote, traces
from devstack.demo.news import listening
from devstack.demo.stage import Stage


async def main_job(stage: Stage) -> None:
    """All steps, in order. Errors: NotAsTold by the first that does not do what it says; then it stops."""
    with stage.step("A customer signs up"):
        account = await people.sign_up(stage)
    with stage.step("The customer signs in"):
        owner = await people.sign_in(stage, account)
    async with listening(owner.caller) as news, cameras.unpacked(stage) as device:
        with stage.step("A camera is claimed"):
            claimed = await cameras.claim(stage, owner, device)
        with stage.step("It connects by itself"):
            await cameras.connect(stage, owner, device, claimed)
        with stage.step("It is in its trial"):
            demo = await cameras.licensed(stage, owner, news, claimed)
        with stage.step("The trial ends"):
            clock = await money.staff_comes(stage, owner.organisation)
            await money.trial_ends(stage, owner, news, clock, demo)
        with stage.step("Remote access: peer to peer, relayed up to 300 GB a month"):
            server = await remote.green_server(stage, owner, news)
            session = await remote.relayed_session(stage, owner, server)
            await remote.allowance_used_up(stage, owner, clock.staff, news, server, session)
        with stage.step("The camera is removed"):
            trace = await farewell.remove(stage, owner, news, clock, device, claimed)
        with stage.step("One trace through the house"):
            await traces.one_trace(stage, trace)
