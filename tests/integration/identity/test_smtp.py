"""The carrier against a real SMTP server."""

from typing import Any

import pytest

from common.testing import FixedClock
from identity.clients.smtp import SmtpCarrier
from identity.domain.mails import Letter
from identity.service.mails import NotNow, Undeliverable


def letter(to: str) -> Letter:
    return Letter(id="a cause", to=to, subject="Grüße", text="Text: ä\n", html="<p>HTML: ä</p>")


def carrier(url: str) -> SmtpCarrier:
    return SmtpCarrier(url, "Vedette <no-reply@vedette.example>", FixedClock())


async def test_a_letter_arrives_as_text_and_html(catcher: Any) -> None:
    await carrier(catcher.url).carry(letter("ada@acme.example"))

    got = await catcher.next()
    assert (got["To"], got["Subject"]) == ("ada@acme.example", "Grüße")
    assert "Text: ä" in got.get_body(("plain",)).get_content()
    assert "HTML: ä" in got.get_body(("html",)).get_content()


async def test_a_mailbox_that_does_not_exist_is_undeliverable(catcher: Any) -> None:
    with pytest.raises(Undeliverable):
        await carrier(catcher.url).carry(letter("refused@acme.example"))


async def test_a_server_that_says_later_is_asked_later(catcher: Any) -> None:
    with pytest.raises(NotNow):
        await carrier(catcher.url).carry(letter("later@acme.example"))


async def test_a_server_that_is_away_is_asked_later(unused_tcp_port: int) -> None:
    with pytest.raises(NotNow, match="Connect"):
        await carrier(f"smtp://127.0.0.1:{unused_tcp_port}").carry(letter("ada@acme.example"))


async def test_without_the_tls_that_is_required_nothing_is_sent(catcher: Any) -> None:
    with pytest.raises(NotNow):
        await carrier(f"{catcher.url}?starttls=required").carry(letter("ada@acme.example"))

    assert catcher.letters.empty()
