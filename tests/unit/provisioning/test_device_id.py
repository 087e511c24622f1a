"""One device, one canonical id, however it is written (D13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from device.identity import Identity
from provisioning.domain import canonical, spellings

macs = st.binary(min_size=6, max_size=6).map(bytes.hex)


def _every_notation(mac: str) -> list[str]:
    pairs = [mac[i : i + 2] for i in range(0, 12, 2)]
    fours = [mac[i : i + 4] for i in range(0, 12, 4)]
    lower = [mac, ":".join(pairs), "-".join(pairs), " ".join(pairs), ".".join(fours), f"{mac[:6]}-{mac[6:]}"]
    return [*lower, *(text.upper() for text in lower), f"mac:{mac}", f"MAC: {mac.upper()}", f"  {mac} "]


@given(macs)
def test_every_common_notation_of_a_mac_is_one_device(mac: str) -> None:
    assert {canonical(text) for text in _every_notation(mac)} == {f"mac:{mac}"}


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_canonical_already_and_safe_in_a_header(text: str) -> None:
    try:
        device = canonical(text)
    except Invalid:
        return
    assert canonical(device) == device
    assert device.isascii()
    assert device.isprintable()
    assert not set(device) & set(' "\\/%\r\n,')


@given(macs, st.sampled_from(["serial:ab-1234567", "id:front.door", "id:Cam_1"]))
def test_device_and_service_write_an_id_the_same_way(mac: str, other: str) -> None:
    for text in (mac, mac.upper(), ":".join(mac[i : i + 2] for i in range(0, 12, 2)), other):
        identity = Identity(text, "secret")
        assert identity.canonical == canonical(text)
        assert identity.username in spellings(canonical(text))


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("0040FF112233", "mac:0040ff112233"),
        ("serial:ab-1234567", "serial:AB-1234567"),
        ("S/N: 8123456", "serial:8123456"),
        ("Q3536-77", "serial:Q3536-77"),
        ("front.door", "id:front.door"),
        ("id:0040ff112233", "id:0040ff112233"),
        ("00:40:ff:11:22:3", None),
        ("00:40-ff:11:22:33", None),
        ("mac:door", None),
        ("a/../b", None),
        ("x\r\nSet-Cookie: a=b", None),
        ('x"y', None),
        ("", None),
        ("a" * 65, None),
    ],
)
def test_an_id_is_a_mac_a_serial_number_or_another_id(text: str, device: str | None) -> None:
    if device is None:
        with pytest.raises(Invalid):
            canonical(text)
    else:
        assert canonical(text) == device
