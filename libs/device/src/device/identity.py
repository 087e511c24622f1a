"""What a camera knows of itself when it leaves the factory."""

import re
from dataclasses import dataclass, field

_SEPARATORS = re.compile("[:. -]")
_OWNER_KEY = re.compile("([A-Za-z0-9]{4})[ -]([A-Za-z0-9]{4})[ -]([A-Za-z0-9]{4})")
_MAC = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A device id and its secret. The id is a MAC address, or `serial:` or `id:` and a value."""

    id: str
    secret: str = field(repr=False)

    @property
    def canonical(self) -> str:
        """As the service writes it: `mac:0040ff112233`, `serial:AB-123`, `id:door`."""
        plain = _SEPARATORS.sub("", self.id.removeprefix("mac:")).lower()
        if _MAC.fullmatch(plain):
            return f"mac:{plain}"
        kind, _, value = self.id.partition(":")
        if kind == "serial":
            return f"serial:{value.upper()}"
        if kind == "id" and value:
            return self.id
        raise ValueError("a device id is a MAC address, serial:... or id:...")

    def __post_init__(self) -> None:
        """An owner key is written in capitals with hyphens, as on the box."""
        groups = _OWNER_KEY.fullmatch(self.secret.strip())
        if groups is not None:
            object.__setattr__(self, "secret", "-".join(groups.groups()).upper())

    @property
    def username(self) -> str:
        """The Digest user name: the canonical value without its kind."""
        return self.canonical.partition(":")[2]
