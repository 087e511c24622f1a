"""Root passwords by the key that they are sealed under; they are part of their camera's document."""

from common.rewrapping import Place
from provisioning.domain import root_password_purpose
from provisioning.store.documents import ITEMS

ROOT_PASSWORDS = Place(collection=ITEMS, value="root_password", key="root_key", purpose=root_password_purpose)
