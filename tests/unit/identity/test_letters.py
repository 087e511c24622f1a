"""Letters: templates, escaping, headers."""

from datetime import UTC, datetime

import pytest

from common.testing import FixedClock
from identity.clients.letters import write
from identity.clients.smtp import compose
from identity.domain.mails import Letter, Mail

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def mail(**values: str) -> Mail:
    return Mail(
        id="one_time_password:1", template="one_time_password", language="de", to="ada@acme.example",
        values=values, sealed=None, due_at=NOW, give_up_at=NOW, forget_at=NOW,
    )  # fmt: skip


def test_a_name_is_escaped_in_html_and_left_alone_in_text() -> None:
    letter = write(mail(name="<b>Ada</b> & Co"), {"code": "123456"})

    assert "Hello <b>Ada</b> & Co," in letter.text
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; Co" in letter.html
    assert "123456" in letter.text
    assert "123456" in letter.html
    assert "123456" not in letter.subject


def test_a_language_without_a_template_gets_the_english_one() -> None:
    assert write(mail(name="Ada"), {"code": "1"}).subject == "Your Vedette one-time password"


def test_the_same_mail_has_the_same_message_id() -> None:
    letter = write(mail(name="Ada"), {"code": "1"})
    first, second = (compose(letter, "Vedette <v@vedette.example>", FixedClock()) for _ in range(2))

    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@vedette.example>")


@pytest.mark.parametrize("field", ["to", "subject"])
def test_no_value_can_add_a_header(field: str) -> None:
    values = {"to": "ada@acme.example", "subject": "Hello", field: "x\r\nBcc: everybody@example.com"}
    with pytest.raises(ValueError, match=r"linefeed|carriage|newline|CR or LF"):
        compose(Letter(id="1", text="", html="", **values), "v@vedette.example", FixedClock())
