"""One way to sign in always stays, whichever are given up, in whatever order, also two at once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Conflict
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, Passkey, Totp
from identity.domain.federation import ConnectedAccount, ConnectedAccounts
from identity.domain.ways_in import what_stays

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = User(
    id=UserId("u1"), email="ada@acme.example", first_name="Ada", last_name="L", language="en",
    password_hash="", accepted=(), created_at=NOW,
)  # fmt: skip


def passkey(identity: str, *, alone: bool = True) -> Authenticator:
    key = Passkey(credential=identity.encode(), public_key=b"", sign_count=0, alone=alone)
    return Authenticator(
        id=identity, user=ADA.id, kind="passkey", name=identity, state="active", passkey=key, created_at=NOW
    )


def app(identity: str) -> Authenticator:
    totp = Totp(sealed=b"")
    return Authenticator(
        id=identity, user=ADA.id, kind="totp", name=identity, state="active", totp=totp, created_at=NOW
    )


def accounts(*identities: str) -> ConnectedAccounts:
    known = tuple(
        ConnectedAccount(id=one, provider="work", key=one, email=None, connected_at=NOW) for one in identities
    )
    return ConnectedAccounts(id=ADA.id, accounts=known, version=1)


def test_with_a_password_everything_else_may_go() -> None:
    assert what_stays(replace(ADA, password_hash="h"), accounts("a"), [], "a") == ()


def test_what_only_stands_beside_another_way_is_none() -> None:
    for beside in (app("app"), passkey("key", alone=False), replace(passkey("old"), state="removed")):
        with pytest.raises(Conflict, match="last_way_in"):
            what_stays(ADA, accounts("a"), [beside], "a")


def test_what_is_relied_on_is_saved_along() -> None:
    assert what_stays(ADA, accounts("a"), [app("app"), passkey("k")], "a") == (passkey("k").touched(),)
    assert what_stays(ADA, accounts("a"), [passkey("k")], "k") == (accounts("a").touched(),)
    assert what_stays(ADA, accounts(), [passkey("k"), passkey("l")], "k") == (passkey("l").touched(),)
    # Of two connected accounts either is kept in the same aggregate.
    assert what_stays(ADA, accounts("a", "b"), [], "a") == ()


@given(st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("klm")), st.permutations("abcklm"))
def test_in_whatever_order_they_are_given_up_one_stays(
    connected: set[str], keys: set[str], order: list[str]
) -> None:
    owned = connected | keys
    for way in order:
        if way in owned:
            rest = accounts(*sorted(owned & set("abc"))), [passkey(one) for one in sorted(owned & set("klm"))]
            try:
                what_stays(ADA, *rest, way)
            except Conflict:
                assert owned == {way}
            else:
                owned.remove(way)
                assert owned
