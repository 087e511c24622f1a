"""What a camera's lens reads from a phone (docs/camera-protocol.md): its Wi-Fi network, where to ask,
and a code with which it adds itself to somebody's organisation."""

import re
from dataclasses import dataclass, field

_FIELD = re.compile(r"([A-Z]):((?:\\.|[^\\;])*);")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Setup:
    ssid: str
    password: str | None = field(repr=False)
    hidden: bool
    url: str | None
    """Of the camera port; None: keep the one from the factory."""
    code: str | None = field(default=None, repr=False)
    """For the service it knows from the factory, whatever `url` says."""


def read(text: str) -> Setup | None:
    """None when it is no Wi-Fi code. Fields may come in any order; unknown ones are ignored."""
    if not text.startswith("WIFI:"):
        return None
    fields = {name: _ESCAPED.sub(r"\1", value) for name, value in _FIELD.findall(text[5:])}
    if "S" not in fields:
        return None
    password = None if fields.get("T", "nopass") == "nopass" else fields.get("P")
    return Setup(fields["S"], password, fields.get("H") == "true", fields.get("U"), fields.get("C"))
