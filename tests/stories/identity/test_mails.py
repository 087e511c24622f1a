"""Mails leave at once, survive a broken mail server, and keep no secrets."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import structlog

from identity.service.mails import NotNow, Undeliverable


async def settle(portal: Any) -> None:
    """Until the post office has recorded what became of the last try."""
    await portal.mail_loop.close()
    await portal.mail_loop.open()


async def test_a_mail_is_tried_again_with_growing_pauses_until_it_is_taken(portal: Any) -> None:
    portal.mailbox.broken = [NotNow("server away"), NotNow("server away")]
    await portal.sign_up()
    await portal.mailbox.tries.get()
    for pause in (5, 10):
        await settle(portal)
        (mail,) = portal.rows("mails")
        assert mail["due_at"] - portal.house.clock.now() == timedelta(seconds=pause)
        portal.house.clock.advance(timedelta(seconds=pause))
        portal.mail_loop.nudge()
        await portal.mailbox.tries.get()

    assert await portal.mailbox.next_code()


async def test_a_mail_that_was_sent_keeps_no_secret(portal: Any) -> None:
    await portal.sign_up()
    await portal.mailbox.next()
    await settle(portal)

    (mail,) = portal.rows("mails")
    assert (mail["state"], mail["sealed"]) == ("sent", None)


async def test_a_mail_nobody_can_receive_is_given_up_at_once(portal: Any) -> None:
    portal.mailbox.broken = [Undeliverable("550")]
    await portal.sign_up()
    await portal.mailbox.tries.get()
    await settle(portal)

    (mail,) = portal.rows("mails")
    assert (mail["state"], mail["sealed"]) == ("given_up", None)


async def test_a_one_time_password_that_has_expired_is_not_mailed_any_more(portal: Any) -> None:
    await portal.with_account()
    await portal.mailbox.tries.get()
    portal.mailbox.broken = [NotNow("server away")]
    await portal.start()
    await portal.mailbox.tries.get()
    portal.house.clock.advance(timedelta(minutes=11))
    await portal.start()  # another sign-in, another code
    await portal.mailbox.next_code()
    await settle(portal)

    mails = [row for row in portal.rows("mails") if row["template"] == "one_time_password"]
    assert [mail["state"] for mail in mails] == ["given_up", "sent"]


async def test_neither_logs_nor_database_show_a_secret(
    portal: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        await portal.sign_up()
        activation = await portal.mailbox.next_code()
        await portal.activate("WRON-GONE")
        await portal.activate(activation)
        await portal.start(password="wrong horse")
        _, challenge = await portal.start()
        password = await portal.mailbox.next_code()
        path = f"sign-ins/{challenge['id']}/verify"
        await portal.post(path, {"code": "000000"})
        _, tokens = await portal.post(path, {"code": password})
        await portal.post("tokens", {"refresh_token": tokens["refresh_token"]})
        await portal.post("tokens", {"refresh_token": tokens["refresh_token"]})
    secrets = [
        activation, activation.replace("-", ""), password, "wrong horse", tokens["access_token"],
        tokens["refresh_token"],
    ]  # fmt: skip
    output = capsys.readouterr()
    written = json.dumps(logged, default=str) + caplog.text + output.out + output.err
    kept = repr(portal.database.collections)

    for secret in [*secrets, "correct horse", "ada@acme.example"]:
        assert secret not in written
    for secret in secrets:
        assert secret not in kept.replace(challenge["id"], "")
