"""When to warn people of what comes by itself: seven days, three days and one day before (rule 22).

Instants follow from the end alone. So a notice is cancelled by the disappearance of its cause, and nothing
else has to be remembered than up to when was told.
"""

from datetime import datetime, timedelta

DAYS_BEFORE = (7, 3, 1)


def next_notice(end: datetime, told: datetime | None) -> datetime | None:
    """When the next warning of `end` is due; `told`: up to when there was an occasion to warn."""
    found = (end - timedelta(days=days) for days in DAYS_BEFORE)
    return next((at for at in found if told is None or at > told), None)


def notice_due(end: datetime, told: datetime | None, now: datetime) -> int | None:
    """How many days before `end` people are to be warned of it now; None: not now. Whoever looks late warns
    once, with the latest that is due."""
    if now >= end:
        return None
    due = [days for days in DAYS_BEFORE if end - timedelta(days=days) <= now]
    if not due or (told is not None and end - timedelta(days=due[-1]) <= told):
        return None
    return due[-1]
