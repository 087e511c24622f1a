"""What other services' events mean to people: which mail, for whom, saying what.

A table: another announcement is another line here and another template in each language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.auth import Action
from common.contracts import Event
from common.contracts.relay import AllowanceCrossed
from identity.domain.mails import Template, Value

GIGABYTE = 10**9
"""As the allowance is counted (D10)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """`readers`: whoever may do this in the organisation gets the mail. `mail` makes of the event a template
    and its values; `name`, `organisation` and `link` (the portal) are put beside them."""

    readers: Action
    mail: Callable[[Any], tuple[Template, Mapping[str, Value]]]


def _allowance(event: AllowanceCrossed) -> tuple[Template, Mapping[str, Value]]:
    return "allowance_nears" if event.percent < 100 else "allowance_used_up", {
        "percent": event.percent,
        "used": event.used_bytes // GIGABYTE,
        "allowance": event.allowance_bytes // GIGABYTE,
        "period": event.period,
    }


ANNOUNCEMENTS: Mapping[type[Event], Announcement] = {
    AllowanceCrossed: Announcement(Action.MANAGE_MEMBERS, _allowance),
}
