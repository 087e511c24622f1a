"""What the certificate authority signs, and what it does not."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Conflict, Invalid
from common.testing import FixedClock
from common.testing.house import memory_sealer
from device.identity import Identity
from device.one_click import new_key, signing_request
from provisioning.domain import DeviceId
from provisioning.service import Authority
from provisioning.service.authority import ROOT_LIFETIME, Root, device_of, read_request

PEM = signing_request(new_key(), Identity("0040ff112233", "x"))
DEVICE = DeviceId("mac:0040ff112233")


class Shelf:
    """Where the roots are kept, in memory."""

    def __init__(self) -> None:
        self.kept: list[Root] = []

    async def roots(self) -> list[Root]:
        return list(self.kept)

    async def add_root(self, root: Root) -> None:
        if any(root.number == other.number for other in self.kept):
            raise Conflict("already_exists", "there is one")
        self.kept.append(root)


def _request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashed)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_the_usual_keys_are_taken() -> None:
    for key in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        assert read_request(_request(key)).public_key() == key.public_key()


@given(st.integers(0, len(PEM) - 1), st.characters(exclude_categories=["Cs"]))
def test_a_request_that_was_tampered_with_is_refused_or_the_same(place: int, char: str) -> None:
    try:
        read = read_request(PEM[:place] + char + PEM[place + 1 :])
    except Invalid:
        return
    assert read.public_key() == x509.load_pem_x509_csr(PEM.encode()).public_key()


@given(st.text() | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_nonsense_is_refused_without_a_crash(text: str) -> None:
    for pem in (text, f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----"):
        with pytest.raises(Invalid):
            read_request(pem)


async def test_a_year_before_it_expires_there_is_a_new_root_and_both_are_trusted() -> None:
    shelf, sealer, clock = Shelf(), memory_sealer(), FixedClock()
    first = Authority(shelf, sealer, clock, timedelta(days=30))
    await first.open()
    await Authority(shelf, sealer, clock, timedelta(days=30)).open()
    assert len(shelf.kept) == 1
    clock.advance(ROOT_LIFETIME - timedelta(days=300))
    later = Authority(shelf, sealer, clock, timedelta(days=30))
    await later.open()
    assert [root.number for root in shelf.kept] == [1, 2]
    assert later.trusted.count("BEGIN CERTIFICATE") == 2
    old, new = (x509.load_pem_x509_certificate(root.certificate) for root in shelf.kept)
    made = x509.load_pem_x509_certificate(later.sign(DEVICE, read_request(PEM)).certificate.encode())
    made.verify_directly_issued_by(new)
    assert old.subject != new.subject
    clock.advance(timedelta(days=301))
    await later.open()
    assert later.trusted.count("BEGIN CERTIFICATE") == 1


async def test_no_certificate_outlives_its_root() -> None:
    shelf, sealer, clock = Shelf(), memory_sealer(), FixedClock()
    authority = Authority(shelf, sealer, clock, timedelta(days=30))
    await authority.open()
    clock.advance(ROOT_LIFETIME - timedelta(days=5))
    root = x509.load_pem_x509_certificate(shelf.kept[0].certificate)
    assert authority.sign(DEVICE, read_request(PEM)).expires_at <= root.not_valid_after_utc


def test_the_device_is_read_from_our_name_only() -> None:
    names = (("DNS", "urn:vedette:device:x"), ("URI", "https://a"), ("URI", "urn:vedette:device:mac:00"))
    assert device_of(names) == "mac:00"
    assert device_of((("DNS", "a"),)) is None
