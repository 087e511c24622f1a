"""One-click connection: a key of the camera's own, the question to the dispatcher, the way home."""

import json
import ssl
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from device.identity import Identity


def target(identity: Identity) -> str:
    return f"/dispatcher/v1/devices/{identity.canonical}"


def new_key() -> ec.EllipticCurvePrivateKey:
    """Made in the camera; it never leaves it."""
    return ec.generate_private_key(ec.SECP256R1())


def signing_request(key: ec.EllipticCurvePrivateKey, identity: Identity) -> str:
    """PEM of a PKCS #10 request, signed with the key it is for."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.username)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Home:
    """Where the dispatcher sent the camera, and what it shows there."""

    url: str
    certificate: str
    key: str = field(repr=False)
    issued_at: float
    expires_at: float

    @classmethod
    def read(cls, body: bytes, key: ec.EllipticCurvePrivateKey, now: float) -> "Home | None":
        """From the dispatcher's answer; None when it makes no sense."""
        try:
            told: dict[str, Any] = json.loads(body)
            certificate = x509.load_pem_x509_certificate(told["certificate"].encode())
            if certificate.public_key() != key.public_key():
                return None
            return cls(
                told["home"].rstrip("/"), told["certificate"], _pem(key), now, float(told["expires_at"])
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def renew_at(self) -> float:
        """When a third of the certificate's life is left."""
        return self.expires_at - (self.expires_at - self.issued_at) / 3

    def tls(self, trust: str | None) -> ssl.SSLContext | None:
        """Shows the certificate to whom `trust` (a file, else the system) vouches for."""
        if not self.url.startswith("https:"):
            return None
        context = ssl.create_default_context(cafile=trust)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # mode 600; ssl reads files only
            file.write(self.key + self.certificate)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def store(self, path: Path) -> None:
        new = path.with_suffix(".new-home")
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(self)))
        new.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Home | None":
        return cls(**json.loads(path.read_text())) if path.exists() else None


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
