"""What the QR codes of a camera say (docs/camera-protocol.md): the one on its label is read by a phone, the
one on a phone is read by the camera's lens."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from common.errors import FieldError, Invalid
from provisioning.domain.device_id import DeviceId, canonical

_LABEL = "vedette:camera?"
LONGEST_LABEL = 600
_PASSPHRASE = re.compile(r"[\x20-\x7e]{8,63}|[0-9A-Fa-f]{64}")
_SPECIAL = re.compile(r'([\\;,":])')


@dataclass(frozen=True, slots=True)
class Label:
    device: DeviceId
    secret: str | None = field(repr=False)
    """None: the label shows the id alone, as many makers' do."""


def label_text(device: DeviceId, secret: str) -> str:
    """A URI, so that a phone knows which app can read it."""
    return f"{_LABEL}id={quote(device, safe=':')}&secret={quote(secret, safe='')}"


def read_label(text: str) -> Label:
    """What a phone read; `Invalid` when it is no camera's label."""
    if len(text) > LONGEST_LABEL:
        raise _invalid("text", "too long for a camera's label")
    if not text.lower().startswith(_LABEL):
        return Label(_device(text), None)
    try:
        fields = dict(parse_qsl(text[len(_LABEL) :], strict_parsing=True, max_num_fields=10, errors="strict"))
    except ValueError:
        raise _invalid("text", "not readable") from None
    return Label(_device(fields.get("id", "")), fields.get("secret") or None)


@dataclass(frozen=True, slots=True)
class WiFi:
    ssid: str
    password: str | None = field(default=None, repr=False)
    """None: an open network."""
    hidden: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise _invalid("ssid", "1 to 32 bytes")
        if self.password is not None and not _PASSPHRASE.fullmatch(self.password):
            raise _invalid("password", "8 to 63 characters of ASCII, or 64 hexadecimal digits")


def setup_text(wifi: WiFi, url: str, code: str | None = None) -> str:
    """The common `WIFI:` form, which cameras read already, with the URL of the camera port as field `U`, and
    a claim code, if there is one, as field `C`."""
    fields = [("T", "WPA" if wifi.password is not None else "nopass"), ("S", wifi.ssid)]
    if wifi.password is not None:
        fields.append(("P", wifi.password))
    if wifi.hidden:
        fields.append(("H", "true"))
    fields.append(("U", url))
    if code is not None:
        fields.append(("C", code))
    return "WIFI:" + "".join(f"{name}:{_escaped(value)};" for name, value in fields) + ";"


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value)


def _device(text: str) -> DeviceId:
    try:
        return canonical(text)
    except Invalid:
        raise _invalid("text", "no device id in it") from None


def _invalid(where: str, why: str) -> Invalid:
    return Invalid("code_invalid", "This makes no QR code of a camera", errors=[FieldError(where, why)])
