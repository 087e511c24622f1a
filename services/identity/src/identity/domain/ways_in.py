"""How somebody gets in by themselves, and that one such way always stays."""

from collections.abc import Sequence

from common.errors import Conflict
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator
from identity.domain.federation import ConnectedAccounts

Way = ConnectedAccounts | Authenticator


def what_stays(
    user: User, accounts: ConnectedAccounts, authenticators: Sequence[Authenticator], without: str
) -> tuple[Way, ...]:
    """On what the person relies once `without` (the id of a connected account or an authenticator) is gone;
    `Conflict` when that would be nothing.

    Ways in are a password, connected accounts, and passkeys that sign in on their own; apps, mailed and
    printed codes only stand beside one of these. What is returned is to be saved in the same change: of two
    ways that are given up at the same instant the second then finds itself to be the last. A password cannot
    be given up, so nothing needs saving for it.
    """
    if user.password_hash:
        return ()
    if any(one.id != without for one in accounts.accounts):
        # An account that goes is a new version of them all anyway.
        return () if any(one.id == without for one in accounts.accounts) else (accounts.touched(),)
    for one in authenticators:
        if one.id != without and one.signs_in_alone:
            return (one.touched(),)
    raise Conflict(
        "last_way_in",
        "This is your only way to sign in",
        next_step="Set a password, or add a passkey, first.",
    )
