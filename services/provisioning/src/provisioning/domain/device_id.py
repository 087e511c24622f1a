"""Device ids: opaque, with typed aliases (D13).

People type what is printed on the box, cameras send what their firmware knows; both must mean the same
device. `mac:` and `serial:` ids are written in one canonical way, any other id is taken as it is.
"""

import re
from typing import NewType

from common.errors import FieldError, Invalid

DeviceId = NewType("DeviceId", str)
"""Canonical: `mac:0040ff112233`, `serial:AB-1234567`, `id:front.door`."""

LONGEST = 64
_HEX = "[0-9A-Fa-f]"
_MAC = re.compile(
    f"{_HEX}{{12}}"
    f"|{_HEX}{{2}}([:. -]){_HEX}{{2}}(?:\\1{_HEX}{{2}}){{4}}"
    f"|{_HEX}{{4}}([:. -]){_HEX}{{4}}\\2{_HEX}{{4}}"
    f"|{_HEX}{{6}}[:. -]{_HEX}{{6}}"
)
_PLAIN_MAC = re.compile("[0-9a-f]{12}")
_SEPARATORS = re.compile("[:. -]")
_SERIAL = re.compile(r"(?=.*[0-9])[A-Za-z0-9](?:[A-Za-z0-9._-]{2,38})[A-Za-z0-9]")
# No colon (`curl -u` ends the user name there), no quote, backslash, slash, percent or control character:
# an id travels in URLs and in header fields.
_OTHER = re.compile(r"[A-Za-z0-9._~@+-]{1,64}")
_PREFIX = re.compile(r"(mac|serial|sn|s/n|id):\s*(.*)", re.IGNORECASE | re.DOTALL)


def canonical(text: str) -> DeviceId:
    """The one way to write this id; `Invalid` when it cannot be an id.

    A prefix (`mac:`, `serial:`, `sn:`, `id:`) decides the kind. Without one: any common MAC notation is a
    MAC; 4 to 40 letters, digits, `.`, `_`, `-` with a digit among them are a serial number; else an id.
    """
    if _PLAIN_MAC.fullmatch(text):  # what most cameras send, decided first
        return DeviceId("mac:" + text)
    text = text.strip()
    prefixed = _PREFIX.fullmatch(text)
    kind, value = (prefixed[1].lower(), prefixed[2].strip()) if prefixed else ("", text)
    if len(value) > LONGEST:
        raise _invalid(f"at most {LONGEST} characters")
    if kind in ("", "mac") and _MAC.fullmatch(value):
        return DeviceId("mac:" + _SEPARATORS.sub("", value).lower())
    if kind in ("", "serial", "sn", "s/n") and _SERIAL.fullmatch(value):
        return DeviceId("serial:" + value.upper())
    if kind in ("", "id") and _OTHER.fullmatch(value):
        return DeviceId("id:" + value)
    raise _invalid("not a MAC address, serial number or device id")


def spellings(device: DeviceId) -> tuple[str, ...]:
    """The ways a camera may write this id as its Digest user name; the order never changes.

    The user name is hashed together with the secret, so every spelling that shall work needs its own hash.
    """
    kind, _, value = device.partition(":")
    if kind == "mac":
        pairs = [value[i : i + 2] for i in range(0, 12, 2)]
        plain = [value, "-".join(pairs), ":".join(pairs)]
        return (*plain, *(text.upper() for text in plain), device)
    if kind == "serial":
        return (value, value.lower(), device)
    return (value, device)


def _invalid(why: str) -> Invalid:
    return Invalid("device_id_invalid", "This is no device id", errors=[FieldError("device_id", why)])
