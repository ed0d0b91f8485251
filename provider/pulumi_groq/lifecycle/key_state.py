"""A key as declared and as kept in state."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from pulumi_groq.models.api_key import ApiKey, ApiKeyCreate, ApiKeySettings, ApiKeyUpdate
from pulumi_groq.models.fields import Address, AllowedModels, Name, ObjectId, UtcTime, WholeNumber
from pulumi_groq.models.markers import ONCE, REPLACE, SECRET
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.tools import AllowedTools


class ApiKeyArgs(ApiKeySettings):
    """A key as declared.

    `managed_by` and `declared_as` say where it is declared. `adopt_key_id` takes over a key that
    exists instead of creating one. `allow_delete_in_use` lets a run delete the key although it
    served traffic within the quiet period.
    """

    allowed_models: Annotated[AllowedModels, AfterValidator(sorted)]
    allowed_tools: Annotated[AllowedTools, AfterValidator(sorted)] = Field(default_factory=list)
    name: Annotated[Name, REPLACE]
    managed_by: Address | None = None
    declared_as: Address | None = None
    disabled: bool = False
    rotation: RotationSchedule | None = None
    adopt_key_id: Annotated[ObjectId | None, ONCE] = None
    allow_delete_in_use: bool = False

    def creation(self, replaces: str | None = None) -> ApiKeyCreate:
        """The body that creates the key, or the successor of the key `replaces`."""
        shared = self.model_dump(include=set(ApiKeyCreate.model_fields))
        return ApiKeyCreate.model_validate({**shared, "replaces": replaces})

    def update_from(self, live: "ApiKeyArgs") -> ApiKeyUpdate:
        """The body that turns a key set up as `live` into this one; nothing set when they agree."""
        differing = {
            name: getattr(self, name)
            for name in ApiKeyUpdate.model_fields
            if getattr(self, name) != getattr(live, name)
        }
        return ApiKeyUpdate.model_validate(differing)


class ApiKeyState(ApiKeyArgs):
    """Arguments plus outputs. `key_id` and `api_key` are those of the live key.

    `api_key` is `None` when nobody has the value (an adopted key). `delivered_at` is set when the
    value came late (the first answer was lost): the overlap counts from there. `status` is
    `deleted` when the live key is gone while a predecessor still works.
    """

    model_config = ConfigDict(extra="ignore")

    key_id: ObjectId
    lineage_id: ObjectId
    api_key: Annotated[str | None, SECRET, Field(repr=False)] = None
    last_four: str
    status: Literal["active", "disabled", "expired", "deleted"]
    created_at: UtcTime
    generation: WholeNumber
    delivered_at: UtcTime | None = None
    previous_key_id: ObjectId | None = None
    previous_last_four: str | None = None
    previous_status: str | None = None
    previous_last_used_at: UtcTime | None = None
    retire_after: UtcTime | None = None
    next_rotation_at: UtcTime | None = None


def settings_of(key: ApiKey) -> dict[str, object]:
    """The arguments that the server holds of `key`."""
    shared = key.model_dump(include=set(ApiKeySettings.model_fields) | {"name", "managed_by", "declared_as"})
    return {**shared, "disabled": key.status == "disabled"}


def outputs_of(key: ApiKey) -> dict[str, object]:
    """What the state keeps of the live `key` beside its arguments and its value."""
    return {
        "key_id": key.id,
        "lineage_id": key.lineage_id,
        "last_four": key.last_four,
        "status": key.status,
        "created_at": key.created_at,
        "generation": key.generation,
    }


def new_state(args: ApiKeyArgs, key: ApiKey, api_key: str | None) -> ApiKeyState:
    """The state of a key that was just created or adopted as `args` declare it."""
    return ApiKeyState.model_validate({**_fields(args), **outputs_of(key), "api_key": api_key})


def with_fields(state: ApiKeyState, **fields: object) -> ApiKeyState:
    """`state` with some fields replaced, validated like any other."""
    return ApiKeyState.model_validate({**_fields(state), **fields})


def _fields(model: ApiKeyArgs) -> dict[str, object]:
    return {name: getattr(model, name) for name in type(model).model_fields}
