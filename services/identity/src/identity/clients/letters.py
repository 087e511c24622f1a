"""Letters from templates: `templates/<language>/<template>.md`, one Markdown file per language and mail.

The first line is the subject, the rest the letter: as it stands it is the text part, rendered inside
`layout.html` it is the HTML part. Another mail is another file in each folder, no code.
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markdown_it import MarkdownIt
from markupsafe import Markup

from identity.domain.accounts import Language
from identity.domain.mails import Letter, Mail

LOCALES: Mapping[Language, Locale] = {
    "en": Locale("en", "GB"),
    "de": Locale("de"),
    "cs": Locale("cs"),
    "es": Locale("es"),
    "fr": Locale("fr"),
}
_SLOT = re.compile("xSLOT([0-9]+)x")
"""Stands for a value while Markdown is made into HTML: letters and digits, which mean nothing to Markdown."""
_markdown = MarkdownIt("commonmark", {"html": False})


@pass_context
def _in_line(context: Context, value: object) -> str:
    """A value as it is put into a letter: on one line, so that none can end the subject or begin a paragraph.

    With `slots` it is kept there, and only its place is written: what somebody calls himself is never read
    as Markdown or HTML.
    """
    text = " ".join(str(value).split())
    slots: list[str] | None = context.get("slots")
    if slots is None:
        return text
    slots.append(text)
    return f"xSLOT{len(slots) - 1}x"


@pass_context
def _moment(context: Context, at: datetime) -> str:
    """`1 March 2026, 13:00 CET`, in the reader's language and time zone."""
    local, locale = at.astimezone(context["zone"]), context["locale"]
    return f"{format_date(local, 'long', locale)}, {format_time(local, 'HH:mm z', locale=locale)}"


@pass_context
def _day(context: Context, at: datetime) -> str:
    return format_date(at.astimezone(context["zone"]), "long", context["locale"])


@pass_context
def _money(context: Context, amount: str, currency: str) -> str:
    """`amount` is a decimal number as text: money is never a float."""
    return format_currency(Decimal(amount), currency, locale=context["locale"])


class LetterWriter:
    """Writes letters from the templates that `loader` finds."""

    def __init__(self, loader: BaseLoader) -> None:
        # Letters are Markdown, whose values `_in_line` keeps apart; the layout is HTML.
        self._letters = Environment(
            loader=loader,
            autoescape=False,  # noqa: S701 (see above)
            finalize=_in_line,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._letters.filters.update(moment=_moment, day=_day, money=_money)
        layouts = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._layout = layouts.get_template("layout.html")

    def write(self, mail: Mail, secrets: Mapping[str, str]) -> Letter:
        """The letter of a mail; `secrets` are its sealed values, opened."""
        values = {**mail.values, **secrets}
        subject, text = self._render(mail, values)
        slots: list[str] = []
        _, source = self._render(mail, {**values, "slots": slots})
        body = _SLOT.sub(lambda slot: html.escape(slots[int(slot[1])]), _markdown.render(source))
        page = self._layout.render(
            language=mail.language,
            subject=subject,
            body=Markup(body),  # noqa: S704 (the values in it are escaped)
        )
        return Letter(id=mail.id, to=mail.to, subject=subject, text=text, html=page)

    def _render(self, mail: Mail, values: Mapping[str, Any]) -> tuple[str, str]:
        """Subject and Markdown."""
        template = self._letters.get_template(f"{mail.language}/{mail.template}.md")
        reader = {"locale": LOCALES[mail.language], "zone": ZoneInfo(mail.time_zone or "UTC")}
        subject, _, text = template.render(**values, **reader).partition("\n")
        return subject, text.strip() + "\n"


write = LetterWriter(PackageLoader("identity.clients")).write
