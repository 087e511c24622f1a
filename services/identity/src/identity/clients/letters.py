"""Letters from templates: `templates/<language>/<template>.txt` (its first line is the subject) and `.html`.

A language that lacks a template gets the English one. Another language is another folder, no code.
"""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from identity.domain.mails import Letter, Mail

_templates = Environment(
    loader=PackageLoader("identity.clients"),
    # The file's name decides: what is for HTML is escaped, plain text is not.
    autoescape=select_autoescape(["html"], default=False),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def write(mail: Mail, secrets: Mapping[str, str]) -> Letter:
    """The letter of a mail; `secrets` are its sealed values, opened."""
    values = {**mail.values, **secrets}
    subject, _, text = _render(mail, "txt", values).partition("\n")
    return Letter(
        id=mail.id, to=mail.to, subject=subject, text=text.lstrip(), html=_render(mail, "html", values)
    )


def _render(mail: Mail, form: str, values: Mapping[str, str]) -> str:
    names = [f"{language}/{mail.template}.{form}" for language in (mail.language, "en")]
    return _templates.select_template(names).render(values)
