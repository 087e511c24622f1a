"""Items as the API shows them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from provisioning.domain import ItemKind, Operation
from provisioning.service import Hit, Removal
from provisioning.service.presence import Connection


class TreeItem(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: ItemKind
    name: str
    parent: str | None = Field(description="Folder or location in which it lies; null: at the top")
    version: int = Field(description='In If-Match, as `"3"`: only if it is still this version')
    favourite: bool
    device: str | None
    connection: Connection | None = Field(description="Of cameras; `waiting`: never connected yet")
    licence: str | None = Field(description="Of cameras: state of the licence; null: not licensed yet")
    removed_at: datetime | None
    processed_until: datetime | None = Field(
        description="Of removed devices: until when what they recorded can still be processed"
    )


class TreeAnswer(BaseModel):
    items: list[TreeItem] = Field(description="Folders and locations first, then the rest, alphabetically")
    favourites: list[str] = Field(description="Ids, in the same order")


class ItemAnswer(TreeItem):
    path: list[str] = Field(description="Names of the folders in which it lies, from the top")
    note: str | None = Field(description="What is special about it, for people")

    @classmethod
    def of(cls, hit: Hit) -> "ItemAnswer":
        note = None
        if hit.entry.kind == "removed_device" and hit.entry.processed_until:
            note = (
                "The device was removed. What it recorded and its events can still be processed until "
                f"{hit.entry.processed_until:%Y-%m-%d}; its licence has ended and nothing is charged."
            )
        entry = TreeItem.model_validate(hit.entry).model_dump()
        return cls(**entry, path=list(hit.path), note=note)


class SearchAnswer(BaseModel):
    items: list[ItemAnswer] = Field(description="Best first")


class MovedAnswer(BaseModel):
    items: list[TreeItem]


class RemovalAnswer(BaseModel):
    """What removing would mean."""

    confirmation: str = Field(description="Confirms exactly this, for 15 minutes: DELETE with it")
    meaning: str = Field(description="What would happen, for people")
    items_moving_up: int
    licences_ending: int
    recordings_stopping: int
    processed_until: datetime | None

    @classmethod
    def of(cls, removal: Removal) -> "RemovalAnswer":
        return cls(
            confirmation=removal.token,
            meaning=str(removal),
            items_moving_up=len(removal.content),
            licences_ending=removal.licences_ending,
            recordings_stopping=removal.recordings_stopping,
            processed_until=removal.processed_until,
        )


class UndoAnswer(BaseModel):
    what: str = Field(description="`renamed`, `moved` or `removed`")
    meaning: str = Field(description="What is taken back, for people")
    items: list[str] = Field(description="Ids of the items concerned")
    possible_until: datetime

    @classmethod
    def of(cls, operation: Operation) -> "UndoAnswer":
        return cls(
            what=operation.what,
            meaning=str(operation),
            items=[step.item for step in operation.steps],
            possible_until=operation.until,
        )
