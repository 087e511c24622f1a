"""Taking back the last thing somebody did in the tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from common.errors import Conflict
from common.ids import OrganisationId, UserId
from provisioning.domain.items import Change, Item, Place

UNDO_WITHIN = timedelta(minutes=15)
What = Literal["renamed", "moved", "removed"]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to one item."""

    item: str
    was: Place
    now: Place


@dataclass(frozen=True, slots=True)
class Operation:
    """The last change somebody made, as it can be taken back."""

    organisation: OrganisationId
    user: UserId
    what: What
    subject: str
    """The name of the item it was about; of several, the first."""
    at: datetime
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, what: What, by: UserId, changes: list[Change], at: datetime) -> "Operation":
        """`changes`: the item the person meant comes first."""
        first = changes[0][1]
        steps = tuple(Step(after.id, before.place, after.place) for before, after in changes if before)
        return cls(first.organisation, by, what, first.name, at, steps)

    @property
    def until(self) -> datetime:
        return self.at + UNDO_WITHIN

    def taken_back(self, items: Mapping[str, Item]) -> list[Change]:
        """Every item as it was; `Conflict` when somebody changed one of them meanwhile.

        Compared is what the operation changed: that a camera has called since does not stand in the way.
        """
        changed = [step.now.name for step in self.steps if not _untouched(items.get(step.item), step)]
        if changed:
            raise Conflict(
                "changed_since",
                f"This was changed by somebody since: {', '.join(changed[:5])}",
                next_step="Look at the tree as it is now.",
            )
        return [(items[step.item], items[step.item].put(step.was)) for step in self.steps]

    def __str__(self) -> str:
        """What taking it back would do, for people."""
        others = f" and {len(self.steps) - 1} more" if len(self.steps) > 1 else ""
        match self.what:
            case "renamed":
                return f"“{self.subject}” gets its old name “{self.steps[0].was.name}” back."
            case "moved":
                return f"“{self.subject}”{others} goes back to where it was."
            case "removed":
                inside = f", with the {len(self.steps) - 1} items that were in it" if others else ""
                return f"“{self.subject}” is in the tree again{inside}."


def _untouched(item: Item | None, step: Step) -> bool:
    return item is not None and item.place == step.now
