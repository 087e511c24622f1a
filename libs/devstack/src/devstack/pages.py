"""The mail catcher as people read it: plain pages that work with a keyboard and a screen reader."""

from collections.abc import Iterable

from jinja2 import DictLoader, Environment

from devstack.mail import Mail

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %} - Vedette mail catcher</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: start; padding-block: .5rem; }
th, td { text-align: start; padding: .4rem .6rem; border-bottom: 1px solid; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid; padding: 1rem; font-size: 1rem; }
iframe { width: 100%; height: 30rem; border: 1px solid; background: white; }
</style>
</head>
<body>
<main>
<h1>{{ self.title() }}</h1>
{% block content %}{% endblock %}
</main>
</body>
</html>
"""

_INBOX = """{% extends "frame" %}
{% block title %}{{ "Mail to " ~ to if to else "All mail" }}{% endblock %}
{% block content %}
<p>Nothing that is shown here has left this machine.</p>
<form><label>Mail to <input type="email" name="to" value="{{ to }}"></label> <button>Show</button></form>
{% if mails %}
<table>
<caption>{{ mails | length }} {{ "mail" if mails | length == 1 else "mails" }}, newest first</caption>
<thead><tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">Received (UTC)</th></tr></thead>
<tbody>
{% for mail in mails %}
<tr>
<td><a href="/messages/{{ mail.id }}">{{ mail.subject or "(no subject)" }}</a></td>
<td>{{ mail.recipients | join(", ") }}</td>
<td><time datetime="{{ mail.received_at }}">{{ mail.received_at[:19] | replace("T", " ") }}</time></td>
</tr>
{% endfor %}
</tbody>
</table>
{% else %}
<p>No mail yet.</p>
{% endif %}
<p><a href="">Look again</a></p>
{% endblock %}
"""

_MAIL = """{% extends "frame" %}
{% block title %}{{ mail.subject or "(no subject)" }}{% endblock %}
{% block content %}
<p><a href="/">All mail</a></p>
<p>From {{ mail.sender }} to {{ mail.recipients | join(", ") }},
<time datetime="{{ mail.received_at }}">{{ mail.received_at[:19] | replace("T", " ") }} UTC</time></p>
{% if mail.text %}<h2>Text</h2>
<pre>{{ mail.text }}</pre>{% endif %}
{% if mail.html %}<h2>As HTML</h2>
<iframe title="The mail as HTML" sandbox srcdoc="{{ mail.html }}"></iframe>{% endif %}
{% endblock %}
"""

_TEMPLATES = Environment(
    loader=DictLoader({"frame": _FRAME, "inbox": _INBOX, "mail": _MAIL}), autoescape=True
)


def inbox(mails: Iterable[Mail], to: str) -> str:
    """The list."""
    return _TEMPLATES.get_template("inbox").render(mails=list(mails), to=to)


def one_mail(mail: Mail) -> str:
    """One mail; its HTML runs no script and reaches nothing of the page."""
    return _TEMPLATES.get_template("mail").render(mail=mail)
