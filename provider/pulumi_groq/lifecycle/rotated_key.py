"""What declared keys of every kind have in common: their bodies, and their state through rotations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, Field

from pulumi_groq.models.fields import CreatedAt, ObjectId, UtcTime, WholeNumber, WireModel
from pulumi_groq.models.ownership import OwnClaim, Placed
from pulumi_groq.rotation.machine import ListedKey

if TYPE_CHECKING:
    from pulumi_groq.models.rotation import RotationSchedule


class ServedKey(ListedKey, Protocol):
    """A key of any kind as the gateway shows it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def lineage_id(self) -> str:
        """Id of its lineage's first key."""
        ...

    @property
    def status(self) -> Literal["active", "disabled", "expired", "paused"]:
        """Whether its requests are served."""
        ...

    @property
    def managed_by(self) -> str | None:
        """The stack that declares it."""
        ...

    @property
    def declared_as(self) -> str | None:
        """Where in that stack it is declared."""
        ...

    @property
    def claim(self) -> str | None:
        """What its owner holds it by."""
        ...


class RotatedKeyArgs(WireModel):
    """Base of a key's arguments: what is sent to create and to change it."""

    creates: ClassVar[type[BaseModel]]
    updates: ClassVar[type[BaseModel]]

    if TYPE_CHECKING:  # each kind describes these in its own words
        name: str
        managed_by: str | None
        declared_as: str | None
        rotation: RotationSchedule | None
        adopt_key_id: str | None

    def creation(self, claim: str | None, replaces: str | None = None) -> Any:
        """The body that creates the key, or the successor of the key `replaces`, held by `claim`."""
        shared = self.model_dump(include=set(self.creates.model_fields))
        return self.creates.model_validate({**shared, "claim": claim, "replaces": replaces})

    def differing(self, live: "RotatedKeyArgs") -> dict[str, object]:
        """The fields of an update that turn a key set up as `live` into this one."""
        return {
            name: getattr(self, name)
            for name in self.updates.model_fields.keys() - {"claim"}
            if getattr(self, name) != getattr(live, name)
        }

    def update(self, fields: Mapping[str, object], claim: str) -> Any:
        """The body that sets `fields` in the name of this declaration, which holds the key by `claim`."""
        place = {name: getattr(self, name) for name in Placed.model_fields}
        return self.updates.model_validate({**fields, **place, "claim": claim})


class RotatedKeyState(RotatedKeyArgs):
    """Base of a key's state. Unless a field says that it is the predecessor's, it is the live key's.

    `value_field` names the field that holds the key's value.
    """

    value_field: ClassVar[str]

    claim: OwnClaim = None
    key_id: Annotated[ObjectId, Field(description="The key's id; a rotation changes it.")]
    lineage_id: Annotated[ObjectId, Field(description="Id of the lineage's first key, which rotations keep.")]
    last_four: Annotated[str, Field(description="The last 4 characters of the key's value.")]
    status: Annotated[
        Literal["active", "disabled", "expired", "paused", "deleted"],
        Field(
            description="`active`, or why requests are refused: `disabled`, `expired`, `paused` for runaway "
            "spend, or `deleted` while a predecessor still works."
        ),
    ]
    created_at: CreatedAt
    generation: Annotated[WholeNumber, Field(description="The key's number in its lineage, counted from 1.")]
    delivered_at: Annotated[
        UtcTime | None,
        Field(
            description="When the value arrived (UTC), if the first answer was lost: the overlap is counted "
            "from then."
        ),
    ] = None
    previous_key_id: Annotated[
        ObjectId | None, Field(description="The predecessor's id, while it still works.")
    ] = None
    previous_last_four: Annotated[
        str | None, Field(description="The last 4 characters of the predecessor's value.")
    ] = None
    previous_status: Annotated[
        str | None,
        Field(description="The predecessor's status: `active`, `disabled`, `expired` or `paused`."),
    ] = None
    previous_last_used_at: Annotated[
        UtcTime | None, Field(description="When the predecessor last served a request (UTC).")
    ] = None
    retire_after: Annotated[
        UtcTime | None,
        Field(description="When the overlap ends (UTC): the predecessor may be deleted from then on."),
    ] = None
    next_rotation_at: Annotated[
        UtcTime | None, Field(description="When the key is due for rotation by its age (UTC).")
    ] = None

    @property
    def value(self) -> str | None:
        """The live key's value, where the state has it."""
        value: str | None = getattr(self, self.value_field)
        return value

    @classmethod
    def of(cls, args: RotatedKeyArgs, key: ServedKey, value: str | None, claim: str | None) -> Self:
        """The state of a key that was just created or adopted as `args` declare it, held by `claim`."""
        outputs = {**outputs_of(key), cls.value_field: value, "claim": claim}
        return cls.model_validate({**_fields(args), **outputs})

    def with_fields(self, **fields: object) -> Self:
        """This state with some fields replaced, validated like any other."""
        return self.model_validate({**_fields(self), **fields})


def outputs_of(key: ServedKey) -> dict[str, object]:
    """What the state keeps of the live `key`, besides its arguments and its value."""
    return {
        "key_id": key.id,
        "lineage_id": key.lineage_id,
        "last_four": key.last_four,
        "status": key.status,
        "created_at": key.created_at,
        "generation": key.generation,
    }


def _fields(model: BaseModel) -> dict[str, object]:
    return {name: getattr(model, name) for name in type(model).model_fields}
