"""Relay credentials: what coturn checks and what its log gives back."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

import pytest

from common.ids import OrganisationId, RemoteSessionId, new_id
from relay.domain.credentials import relay_credential, whose
from relay.service.ice import IceServers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "a shared secret of this installation"


def test_a_credential_is_good_for_sixty_seconds_and_names_organisation_and_session() -> None:
    organisation, session = OrganisationId(new_id()), RemoteSessionId(new_id())
    made = relay_credential(SECRET, organisation, session, NOW)
    expiry, _, lease = made.username.partition(":")
    assert int(expiry) == int(NOW.timestamp()) + 60
    assert re.fullmatch(rf"{organisation}\.{session}-[0-9a-f]{{16}}", lease)
    assert whose(made.username) == (organisation, session)


def test_the_password_is_the_hmac_sha1_of_the_user_name() -> None:
    made = relay_credential(SECRET, OrganisationId("org-a"), RemoteSessionId("s1"), NOW)
    expected = hmac.new(SECRET.encode(), made.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(made.credential) == expected


def test_two_credentials_for_one_session_differ() -> None:
    pair = [relay_credential(SECRET, OrganisationId("o"), RemoteSessionId("s"), NOW) for _ in range(2)]
    assert pair[0].username != pair[1].username


def test_an_id_that_could_upset_the_log_gets_no_credential() -> None:
    with pytest.raises(ValueError, match="letters"):
        relay_credential(SECRET, OrganisationId("a>b"), RemoteSessionId("s"), NOW)


@pytest.mark.parametrize("name", ["", "admin", "1795324915:org-a", "1:o.s-xyz", "1:o.s-0011223344556677\n"])
def test_a_name_that_we_did_not_give_out_belongs_to_nobody(name: str) -> None:
    assert whose(name) is None


def test_neither_credential_nor_secret_shows_in_a_log_line() -> None:
    made = relay_credential(SECRET, OrganisationId("o"), RemoteSessionId("s"), NOW)
    assert made.credential not in repr(made)
    assert made.username not in repr(made)
    assert SECRET not in repr(IceServers((), (), SECRET))
