"""One-time codes under every order of tries, resends and passing time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import NotFound, Throttled
from common.ids import UserId
from identity.domain.codes import OneTimeCode
from identity.domain.sign_ins import CODE_LIFETIME, CODE_TRIES, Proof, SignIn

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RIGHT, WRONG = b"right", b"wrong"
STEPS = st.lists(
    st.one_of(
        st.just("right"), st.just("wrong"), st.just("resend"), st.integers(1, 400).map(lambda s: f"wait {s}")
    ),
    max_size=40,
)


def code(tries: int = CODE_TRIES) -> OneTimeCode:
    return OneTimeCode(
        digest=RIGHT, sealed=b"sealed", expires_at=START + CODE_LIFETIME, tries_left=tries, sent_at=START
    )


def sign_in() -> SignIn:
    return SignIn(
        id="s", user=UserId("u"), network="n", permanent=False, code=code(),
        expires_at=START + CODE_LIFETIME, forget_at=START + CODE_LIFETIME,
    )  # fmt: skip


@given(STEPS)
def test_a_right_code_is_accepted_exactly_while_tries_and_time_last(steps: list[str]) -> None:
    current, now, wrong, mails = code(), START, 0, 1
    waits: list[float] = []
    for step in steps:
        kind, _, seconds = step.partition(" ")
        if kind == "wait":
            now += timedelta(seconds=int(seconds))
        elif kind == "resend":
            try:
                current = current.sent_again(now)
                mails += 1
            except Throttled as refused:
                waits.append(refused.retry_after or 0)
        else:
            should = wrong < CODE_TRIES and now < START + CODE_LIFETIME
            wrong += kind == "wrong" and should
            current, right = current.tried(RIGHT if kind == "right" else WRONG, now)
            assert right == (should and kind == "right")
        assert 0 <= current.tries_left == CODE_TRIES - wrong
        assert (current.digest, current.sealed) == (RIGHT, b"sealed")  # a resend never changes the code
    assert mails <= 1 + (now - START).total_seconds() // 30
    assert all(wait > 0 for wait in waits)


@given(STEPS)
def test_every_try_of_a_sign_in_is_a_new_version_so_that_none_is_overlooked(steps: list[str]) -> None:
    current = sign_in()
    for step in steps:
        if step in {"right", "wrong"}:
            before = current
            try:
                current, _ = before.tried(RIGHT if step == "right" else WRONG, START)
            except NotFound:
                assert before.code is not None
                assert before.code.tries_left == 0
                return
            assert current.version == before.version + 1


def test_a_used_sign_in_is_over() -> None:
    tried, right = sign_in().tried(RIGHT, START)
    assert right
    with pytest.raises(NotFound):
        tried.done().tried(RIGHT, START)


def test_signing_in_again_mails_only_after_the_pause_and_always_the_same_code() -> None:
    early, later = START + timedelta(seconds=29), START + timedelta(seconds=30)
    assert not sign_in().mailable(early)
    with pytest.raises(Throttled):
        sign_in().again().mailed(code(), early)
    again = sign_in().again(permanent=True).mailed(replace(code(), digest=WRONG), later)
    assert again.code is not None
    assert (again.permanent, again.version) == (True, 2)
    assert (again.code.sends, again.code.digest) == (2, RIGHT)


def test_what_was_right_may_be_shown_again_while_the_sign_in_lasts() -> None:
    proof = Proof("totp", b"digest of what was shown")
    proved = sign_in().counted(right=True).proved(proof)

    assert proved.shows(proof)
    assert not proved.shows(Proof("totp", b"digest of another"))
    assert not proved.shows(Proof("passkey", proof.digest))
    assert not sign_in().shows(proof)


def test_five_wrong_tries_of_any_other_factor_end_a_sign_in() -> None:
    current = sign_in()
    for _ in range(CODE_TRIES):
        assert current.alive(START)
        current = current.counted(right=False)
    assert not current.alive(START)
