"""Secrets that are kept for years, by the key-encryption key that they are sealed under."""

from common.rewrapping import Place
from identity.domain.authenticators import totp_purpose
from identity.domain.keys import private_key_purpose
from identity.store.accounts import AUTHENTICATORS, SEALED_UNDER, SIGNING_KEYS

LASTING = (
    Place(collection=AUTHENTICATORS, value="totp.sealed", key=SEALED_UNDER, purpose=totp_purpose),
    Place(collection=SIGNING_KEYS, value="sealed", key=SEALED_UNDER, purpose=private_key_purpose),
)
INDEXES = tuple(place.index for place in LASTING)
