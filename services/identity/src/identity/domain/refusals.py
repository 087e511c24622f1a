"""What a session is refused with; the same words wherever it is refused."""

from common.errors import Conflict, FieldError, Forbidden, Invalid, Unauthenticated


def session_over() -> Unauthenticated:
    return Unauthenticated("session_over", "This session is over", next_step="Sign in again.")


def overtaken() -> Conflict:
    return Conflict(
        "refreshed_meanwhile",
        "The session was refreshed by somebody else at this moment",
        next_step="Use the newer refresh token.",
    )


def not_a_member() -> Forbidden:
    """The same for organisations that do not exist (ID-32)."""
    return Forbidden("not_a_member", "You are not a member of this organisation")


def signed_out() -> Forbidden:
    return Forbidden(
        "signed_out_by_administrator",
        "An administrator of this organisation has ended your sessions here",
        next_step="Sign in again to enter it.",
    )


def too_weak() -> Forbidden:
    return Forbidden(
        "second_factor_needed",
        "This organisation needs a second factor",
        next_step="Confirm this session with a second factor, then try again.",
    )


def wrong_code(code: str, message: str, next_step: str) -> Invalid:
    """The same for a mailed code that is wrong, used or expired, and where there never was one."""
    return Invalid(code, message, errors=[FieldError("code", message)], next_step=next_step)
