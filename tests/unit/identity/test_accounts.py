"""People change their address, password and mind; partners' codes; usernames."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.auth import Role
from common.errors import Conflict, Invalid
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Login, LoginGone, Membership, Organisation, User
from identity.domain.codes import OneTimeCode
from identity.domain.email_changes import EmailChange
from identity.domain.leaving import GRACE, gone, leaving, left, names_gone, staying
from identity.domain.names import canonical, canonical_email, check_username
from identity.domain.partner_requests import PartnerCode
from identity.domain.recoveries import CODE_LIFETIME, Recovery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = User(
    id=UserId("u1"), email="ada@acme.example", username="Ada", first_name="Ada", last_name="L", language="en",
    password_hash="h", accepted=(), created_at=NOW,
)  # fmt: skip
ACME = Organisation(
    id=OrganisationId("o1"), name="Acme", kind="customer", country="CZ", time_zone="UTC", currency="EUR",
    language="en", created_at=NOW, owners=(ADA.id,),
)  # fmt: skip


def code(digest: bytes, lifetime: timedelta = CODE_LIFETIME) -> OneTimeCode:
    return OneTimeCode(digest=digest, sealed=b"", expires_at=NOW + lifetime, tries_left=3, sent_at=NOW)


def member(user: str, role: Role) -> Membership:
    return Membership(organisation=ACME.id, user=UserId(user), role=role, since=NOW)


@given(st.text(max_size=300))
def test_a_login_has_one_spelling(login: str) -> None:
    assert canonical(canonical(login)) == canonical(login)
    assert canonical(login.upper()) == canonical(canonical(login).upper())


@given(st.text(max_size=300))
def test_whatever_is_accepted_as_an_address_can_be_put_into_a_header(text: str) -> None:
    try:
        email = canonical_email(text)
    except Invalid:
        return
    assert email.isascii()
    assert email.isprintable()
    assert canonical_email(email) == email


@given(st.text("abzABZ019._-@ äа/+\n", max_size=70))
def test_a_username_is_of_its_alphabet_and_never_anothers_address(username: str) -> None:
    try:
        check_username(username, "a@b.example")
    except Invalid:
        return
    assert set(username) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")
    assert "@" not in username or username.lower() == "a@b.example"


def test_another_address_never_takes_the_username_away() -> None:
    user, names = ADA.with_email("ada@new.example")
    assert (user.email, user.version) == ("ada@new.example", 2)
    assert names == [Login(name="ada@new.example", user=ADA.id), LoginGone("ada@acme.example", ADA.id)]

    named = replace(ADA, username="ADA@acme.example")
    moved, names = named.with_email("ada@new.example")
    assert names == [Login(name="ada@new.example", user=ADA.id)]
    _, names = moved.with_email("ada@acme.example")
    assert names == [LoginGone("ada@new.example", ADA.id)]


@pytest.mark.parametrize("order", permutations(("old", "new", "wrong")))
def test_an_address_is_changed_by_both_codes_in_any_order(order: tuple[str, ...]) -> None:
    change = EmailChange(
        id=ADA.id,
        email="n@x.example",
        old_code=code(b"old"),
        new_code=code(b"new"),
        forget_at=NOW + CODE_LIFETIME,
    )
    results = []
    for typed in order:
        change, right = change.tried(typed.encode(), typed.encode(), NOW)
        results.append(right)
    assert change.complete
    assert results == [typed != "wrong" for typed in order]
    assert change.version == 4
    assert not change.done(NOW).alive(NOW)


def test_the_same_code_of_one_mailbox_twice_is_not_both() -> None:
    change = EmailChange(
        id=ADA.id,
        email="n@x.example",
        old_code=code(b"old"),
        new_code=code(b"new"),
        forget_at=NOW + CODE_LIFETIME,
    )
    for _ in range(2):
        change, _ = change.tried(b"new", b"new", NOW)
    assert not change.complete


@given(st.lists(st.sampled_from(["ask", "right", "wrong", "minute", "hour"]), max_size=30))
def test_a_forgotten_password_is_set_once_for_each_code(steps: list[str]) -> None:
    now, made, used = NOW, 0, set()
    recovery = Recovery.begun(ADA.id, code(b"0"))
    for step in steps:
        if step in ("minute", "hour"):
            now += timedelta(minutes=1) if step == "minute" else timedelta(hours=1)
        elif step == "ask":
            made += 1
            fresh = replace(code(str(made).encode()), expires_at=now + CODE_LIFETIME, sent_at=now)
            before = recovery
            recovery, _ = recovery.asked_again(partial(replace, fresh), now)
            assert recovery.code.digest == before.code.digest or not before.code.alive(now)
        else:
            digest = recovery.code.digest if step == "right" else b"wrong"
            recovery, right = recovery.tried(digest, now)
            assert not (right and digest in used)
            used |= {digest} if right else set()


def test_a_person_changes_their_mind() -> None:
    wish = leaving(ADA, NOW)
    assert (wish.state, wish.leaves_at) == ("leaving", NOW + GRACE)
    assert staying(wish) == replace(ADA, version=3)


def test_who_has_gone_is_an_id_and_nothing_else() -> None:
    left_over = repr(gone(ADA))

    assert "acme" not in left_over
    assert "Ada" not in left_over
    assert [name.name for name in names_gone(ADA)] == ["ada@acme.example", "ada"]


def test_who_is_alone_may_leave_and_who_is_the_last_super_admin_of_others_may_not() -> None:
    alone = [member("u1", Role.SUPER_ADMIN)]
    assert left(ACME, ADA, alone).owners == ()
    with pytest.raises(Conflict, match="Acme"):
        left(ACME, ADA, [*alone, member("u2", Role.ADMIN)])
    shared = replace(ACME, owners=(ADA.id, UserId("u2")))
    assert left(shared, ADA, [*alone, member("u2", Role.SUPER_ADMIN)]).owners == (UserId("u2"),)
    viewer = replace(ACME, owners=(UserId("u2"),))
    assert left(viewer, ADA, [member("u1", Role.VIEWER), member("u2", Role.SUPER_ADMIN)]) is viewer


def test_a_code_admits_its_addresses_or_everybody_and_nobody_when_blocked() -> None:
    bound = PartnerCode.new(" step-1 ", "Fitters", "active", ["Pat@X.example"], NOW)
    assert bound.id == "STEP-1"
    assert bound.admits("pat@x.example")
    assert not bound.admits("eve@x.example")
    assert bound.changed(None, None, []).admits("eve@x.example")
    assert not bound.changed(None, "blocked", None).admits("pat@x.example")
