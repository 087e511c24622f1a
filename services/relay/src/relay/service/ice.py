"""Where clients gather their candidates: this installation's STUN and TURN servers."""

from dataclasses import dataclass

from relay.domain.credentials import RelayCredential, relay_credential
from relay.domain.sessions import RemoteSession


@dataclass(frozen=True, slots=True)
class IceServer:
    """Where a client gathers candidates: STUN without, TURN with a credential."""

    urls: tuple[str, ...]
    credential: RelayCredential | None = None


@dataclass(frozen=True, slots=True)
class IceServers:
    """The addresses of this installation and the secret it shares with its relay nodes."""

    stun_urls: tuple[str, ...]
    turn_urls: tuple[str, ...]
    turn_secret: str

    def __repr__(self) -> str:
        return f"IceServers(stun_urls={self.stun_urls}, turn_urls={self.turn_urls})"

    def of(self, session: RemoteSession) -> tuple[IceServer, ...]:
        """What a session's viewer gets. Only the viewer: with an allocation on both sides every byte would
        be counted twice (D10)."""
        stun = (IceServer(self.stun_urls),) if self.stun_urls else ()
        if session.mode == "peer_to_peer_only" or not self.turn_urls:
            return stun
        credential = relay_credential(self.turn_secret, session.organisation, session.id, session.opened_at)
        return (*stun, IceServer(self.turn_urls, credential))
