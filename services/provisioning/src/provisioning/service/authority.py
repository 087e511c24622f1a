"""The service's own certificate authority: cameras that proved their secret get a certificate of their key.

The authority's key is kept sealed in the database, one authority for all replicas. Nothing of a request is
taken over but its public key: what the certificate says is decided here.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.clock import Clock
from common.errors import Conflict, FieldError, Invalid
from common.sealing import Sealer
from provisioning.domain import DeviceId

DEVICE_URN = "urn:vedette:device:"
ROOT_LIFETIME, ROOT_RENEWED_BEFORE = timedelta(days=3650), timedelta(days=365)
BACKDATED = timedelta(minutes=5)
"""A camera's clock may be a little slow."""
_CURVES = (ec.SECP256R1, ec.SECP384R1)
_RSA_BITS = range(2048, 4097)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Root:
    """One generation of the authority; the newest signs, all that have not expired are trusted."""

    number: int
    certificate: bytes
    """PEM."""
    key: bytes
    """PKCS #8, sealed."""


@dataclass(frozen=True, slots=True)
class Issued:
    certificate: str
    """PEM, the camera's."""
    issuer: str
    serial: str
    expires_at: datetime


class Roots(Protocol):
    async def roots(self) -> list[Root]:
        """Oldest first."""
        ...

    async def add_root(self, root: Root) -> None:
        """`Conflict` when there is one of this number."""
        ...


OPENS_WITHIN = 30.0
"""Seconds until a sibling's root is there at the latest."""


class Authority:
    def __init__(self, store: Roots, sealer: Sealer, clock: Clock, lifetime: timedelta) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._lifetime = lifetime
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._root: x509.Certificate | None = None
        self.trusted = ""
        """PEM of every root whose certificates may still be good."""

    async def open(self) -> None:
        """Load the authority; the first process ever makes it, and a new one a year before it expires."""
        now = self._clock.now()
        async with asyncio.timeout(OPENS_WITHIN):
            while (roots := await self._roots(now)) is None:  # noqa: ASYNC110 (a sibling is waited for)
                await asyncio.sleep(0.05)
        newest = roots[-1]
        key = serialization.load_der_private_key(self._sealer.open(newest.key, _purpose(newest.number)), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key, self._root = key, _certificate(newest)
        good = [root for root in roots if _certificate(root).not_valid_after_utc > now]
        self.trusted = "".join(root.certificate.decode() for root in good)

    async def _roots(self, now: datetime) -> list[Root] | None:
        """Oldest first, the last one good for long; None: look again. A sibling that was faster is known by
        the conflict a moment before its root can be read: what a majority has not got yet is not shown."""
        roots = await self._store.roots()
        if roots and _certificate(roots[-1]).not_valid_after_utc >= now + ROOT_RENEWED_BEFORE:
            return roots
        with contextlib.suppress(Conflict):
            await self._store.add_root(self._new_root(roots[-1].number + 1 if roots else 1, now))
        return None

    async def close(self) -> None:
        """Nothing is held open."""

    def sign(self, device: DeviceId, request: x509.CertificateSigningRequest) -> Issued:
        """A short-lived certificate for TLS clients, for the key of a request that `read_request` took."""
        assert self._root is not None, "opened before the camera port"
        assert self._key is not None, "opened before the camera port"
        now = self._clock.now()
        expires = min(now + self._lifetime, self._root.not_valid_after_utc).replace(microsecond=0)
        name = device.partition(":")[2]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._root.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(expires)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(DEVICE_URN + device)]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return Issued(_pem(certificate), _pem(self._root), f"{certificate.serial_number:x}", expires)

    def _new_root(self, number: int, now: datetime) -> Root:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Vedette cameras {number}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + ROOT_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        plain = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Root(number, _pem(certificate).encode(), self._sealer.seal(plain, _purpose(number)))


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """A request (PKCS #10) signed with the key it asks a certificate for; `Invalid` for any other."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        if not _strong(request.public_key()):
            raise _refused("its key must be EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits")
        if not isinstance(request.public_key(), ed25519.Ed25519PublicKey) and not isinstance(
            request.signature_hash_algorithm, _HASHES
        ):
            raise _refused("its signature must be made with SHA-256, SHA-384 or SHA-512")
        # Last: checking a signature costs most, and how much depends on the key.
        if not request.is_signature_valid:
            raise _refused("it is not signed with its own key")
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise _refused("no PEM of a certificate signing request (PKCS #10)") from None
    return request


def device_of(alternative_names: Sequence[tuple[str, str]]) -> str | None:
    """The device a verified certificate was made for, as TLS shows its `subjectAltName`."""
    for kind, name in alternative_names:
        if kind == "URI" and name.startswith(DEVICE_URN):
            return name.removeprefix(DEVICE_URN)
    return None


def _strong(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in _RSA_BITS and key.public_numbers().e == 65537
    if isinstance(key, ec.EllipticCurvePublicKey):
        return isinstance(key.curve, _CURVES)
    return isinstance(key, ed25519.Ed25519PublicKey)


def _refused(why: str) -> Invalid:
    return Invalid("request_invalid", "This key gets no certificate", errors=[FieldError("csr", why)])


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(root: Root) -> x509.Certificate:
    return x509.load_pem_x509_certificate(root.certificate)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _purpose(number: int) -> str:
    return f"provisioning.authority:{number}"
