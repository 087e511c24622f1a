"""HTTP Digest, checked against other implementations (RFC 7616 and the device's own client)."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import HTTPDigestAuth

from device.digest import Digest
from provisioning.api import Nonces, digest_header
from provisioning.domain import DeviceId, Proof, canonical, spellings, user_hashes

NOW = 1_800_000_000.0
TARGET = "/camera/v1/devices/mac:0040ff112233/token"
MAC = canonical("0040ff112233")
secrets = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def _header(username: str, secret: str, nonce: str = "abc") -> str:
    client = Digest(username, secret)
    assert client.challenged(digest_header.challenge(nonce, stale=False))
    header = client.header("GET", TARGET)
    assert header is not None
    return header


def _read(header: str) -> Proof:
    proof = digest_header.read(header, TARGET)
    assert proof is not None
    return proof


@given(secrets, secrets)
def test_only_the_right_secret_is_a_proof(secret: str, other: str) -> None:
    for name in spellings(MAC):
        proof = _read(_header(name, secret))
        assert proof.holds(MAC, user_hashes(MAC, secret))
        assert proof.holds(MAC, user_hashes(MAC, other)) == (secret == other)


def test_a_proof_made_by_requests_holds() -> None:
    auth = HTTPDigestAuth("0040FF112233", "s3cret")
    auth.init_per_thread_state()
    auth._thread_local.chal = {
        "realm": "vedette-camera", "nonce": "abc", "qop": "auth", "algorithm": "SHA-256",
    }  # fmt: skip
    header = auth.build_digest_header("GET", "http://camera.example" + TARGET)
    assert header is not None
    # requests writes the algorithm with quotes, curl without: both are read
    assert _read(header).holds(MAC, user_hashes(MAC, "s3cret"))


def test_another_devices_user_name_proves_nothing_here() -> None:
    other = canonical("0040ff445566")
    assert not _read(_header("0040ff445566", "s")).holds(MAC, user_hashes(other, "s"))


@given(st.integers(0, 8))
def test_a_header_without_one_of_its_fields_is_no_proof(missing: int) -> None:
    fields = _header("0040ff112233", "s").removeprefix("Digest ").split(", ")
    del fields[missing]
    assert digest_header.read("Digest " + ", ".join(fields), TARGET) is None


@given(st.text(max_size=200))
def test_no_header_breaks_the_reader(text: str) -> None:
    digest_header.read("Digest " + text, TARGET)
    digest_header.read(text, TARGET)


@pytest.mark.parametrize("glue", [",", " , ", ",  "])
def test_fields_may_be_separated_in_any_way(glue: str) -> None:
    header = _header("0040ff112233", "s").replace(", ", glue)
    assert _read(header).holds(MAC, user_hashes(MAC, "s"))


@pytest.mark.parametrize(
    ("old", "new"),
    [(TARGET, "/other"), ("SHA-256", "MD5"), ("qop=auth", "qop=auth-int"), ("vedette-camera", "x"),
     ("nc=00000001", "nc=1"), ("Digest", "Basic")],
)  # fmt: skip
def test_a_header_for_something_else_is_no_proof(old: str, new: str) -> None:
    assert digest_header.read(_header("0040ff112233", "s").replace(old, new), TARGET) is None


def test_a_nonce_is_fresh_for_two_hours_on_every_replica() -> None:
    key = os.urandom(32)
    nonce = Nonces(key).new(NOW)
    for later, fresh in ((0, True), (7200, True), (7501, False), (-4, True), (-60, False)):
        assert Nonces(key).fresh(nonce, NOW + later) == fresh


@given(st.integers(0, 45), st.sampled_from("0123456789abcdefx\u0660"))
def test_a_forged_nonce_is_not_fresh(place: int, char: str) -> None:
    nonces = Nonces(bytes(32))
    nonce = nonces.new(NOW)
    forged = nonce[:place] + char + nonce[place + 1 :]
    assert nonces.fresh(forged, NOW) == (forged == nonce)
    assert not nonces.fresh(Nonces(b"x" * 32).new(NOW), NOW)


@given(st.floats(0, 1e4), st.floats(0.001, 1e4), st.integers(1, 0xFFFFFFFE))
def test_a_later_use_of_a_nonce_is_of_higher_order(time: float, later: float, count: int) -> None:
    nonces = Nonces(bytes(32))

    def order(nonce: str, used: int) -> str:
        return Proof("u", "/", nonce, f"{used:08x}", "c", "r").order

    nonce = nonces.new(NOW + time)
    assert order(nonce, count) < order(nonce, count + 1)
    assert order(nonce, count) < order(nonces.new(NOW + time + later), 1)


def test_spellings_never_change_their_order() -> None:
    # stored hashes are found by their place
    assert spellings(DeviceId("mac:0040ff112233")) == (
        "0040ff112233", "00-40-ff-11-22-33", "00:40:ff:11:22:33",
        "0040FF112233", "00-40-FF-11-22-33", "00:40:FF:11:22:33", "mac:0040ff112233",
    )  # fmt: skip
    assert spellings(DeviceId("serial:AB-1")) == ("AB-1", "ab-1", "serial:AB-1")
    assert spellings(DeviceId("id:door")) == ("door", "id:door")
