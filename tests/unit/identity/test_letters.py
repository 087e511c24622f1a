"""Letters: templates in all languages, escaping, headers."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, meta

from common.testing import FixedClock
from identity.clients.letters import LetterWriter, write
from identity.clients.smtp import compose
from identity.domain.accounts import Language
from identity.domain.mails import Letter, Mail, Template

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = get_args(Language)
TEMPLATES: tuple[Template, ...] = get_args(Template)
FOLDER = files("identity.clients") / "templates"


def source(language: str, template: str) -> str:
    return (FOLDER / language / f"{template}.md").read_text(encoding="utf-8")


def variables(text: str) -> set[str]:
    return meta.find_undeclared_variables(Environment(autoescape=True).parse(re.sub(r"\|\s*\w+", "", text)))


def mail(template: Template = "one_time_password", language: Language = "en", **values: Any) -> Mail:
    return Mail(
        id="one_time_password:1", template=template, language=language, to="ada@acme.example",
        values=values, sealed=None, due_at=NOW, give_up_at=NOW, forget_at=NOW,
    )  # fmt: skip


def test_every_mail_exists_in_every_language_and_no_other_does() -> None:
    for language in LANGUAGES:
        names = {path.name.removesuffix(".md") for path in (FOLDER / language).iterdir()}
        assert names == set(TEMPLATES), language


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mail_says_the_same_in_every_language(template: str) -> None:
    found = {language: variables(source(language, template)) for language in LANGUAGES}

    assert all(names == found["en"] for names in found.values()), found
    assert len({source(language, template) for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_line_is_the_subject_and_fits_a_list_of_mails(language: str, template: str) -> None:
    subject, empty, *letter = source(language, template).split("\n")

    assert 0 < len(subject) <= 78
    assert empty == ""
    assert any(letter)


NASTY = (
    "[x](http://evil.example)",
    "<img src=x onerror=alert(1)>",
    "**Ada** `code` _x_ # h1",
    "&lt;b&gt; &amp;",
    "![](http://evil.example/pixel)",
    "xSLOT0x xSLOT1x",
    "{{ code }} {% if x %}",
    '" onmouseover="alert(1)',
)


@pytest.mark.parametrize("name", NASTY)
def test_what_somebody_calls_himself_is_neither_markdown_nor_html(name: str) -> None:
    letter = write(mail(name=name), {"code": "123456"})

    assert f"Hello {name}," in letter.text
    assert f"<p>Hello {html.escape(name)},</p>" in letter.html


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80))
def test_a_name_arrives_as_it_is_whatever_it_is(name: str) -> None:
    letter = write(mail(name=name), {"code": "123456"})
    greeting = letter.html[letter.html.index("<p>") + 3 : letter.html.index("</p>")]

    assert html.unescape(greeting) == f"Hello {' '.join(name.split())},"


def test_a_line_break_in_a_name_ends_neither_subject_nor_line() -> None:
    letter = write(mail(name="Ada\r\nBcc: everybody@example.com\n\n# Title"), {"code": "1"})

    assert letter.subject == "Your Vedette one-time password"
    assert "Hello Ada Bcc: everybody@example.com # Title," in letter.text
    assert "<h1>" not in letter.html


def test_a_code_is_in_both_parts_and_not_in_the_subject() -> None:
    for language in LANGUAGES:
        letter = write(
            mail("activation", language, link="https://portal.example/a?b=1&c=2"), {"code": "K7-2"}
        )

        assert "\n    K7-2\n" in letter.text
        assert "<code>K7-2\n</code>" in letter.html
        assert '<a href="https://portal.example/a?b=1&amp;c=2">' in letter.html
        assert "K7-2" not in letter.subject


def test_the_html_part_names_its_language() -> None:
    assert '<html lang="cs">' in write(mail(language="cs", name="Ada"), {"code": "1"}).html


def test_times_and_money_are_written_as_the_reader_writes_them() -> None:
    text = "S\n\n{{ at | moment }}; {{ at | day }}; {{ fee | money('EUR') }}\n"
    templates = {"en/activation.md": text, "cs/activation.md": text, "layout.html": "{{ body }}"}
    writer = LetterWriter(DictLoader(templates))
    plain = mail("activation", at=NOW, fee="1234.50")
    prague = replace(plain, language="cs", time_zone="Europe/Prague")

    assert writer.write(plain, {}).text == "1 March 2026, 12:00 UTC; 1 March 2026; €1,234.50\n"
    assert (
        writer.write(prague, {}).text.replace("\xa0", " ")
        == "1. března 2026, 13:00 SEČ; 1. března 2026; 1 234,50 €\n"
    )


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
