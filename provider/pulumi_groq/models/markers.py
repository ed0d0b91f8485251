"""Field markers: what a change to a field means for its resource, declared once, on the field."""

from enum import Enum
from functools import cache

from pydantic import BaseModel


class Marker(Enum):
    """Metadata for `typing.Annotated` on a model field.

    `REPLACE`: the admin API cannot change the field, so a change replaces the resource.
    `SECRET`: the value never appears in the clear in state, previews, logs or errors.
    `ONCE`: the field matters while the resource is created; later changes have no effect.
    `BY_PLACE`: of a file's declaration: said by where it stands, and by no field of its own.
    """

    REPLACE = "replace"
    SECRET = "secret"  # noqa: S105 (a marker's name, not a password)
    ONCE = "once"
    BY_PLACE = "by place"


REPLACE = Marker.REPLACE
SECRET = Marker.SECRET
ONCE = Marker.ONCE
BY_PLACE = Marker.BY_PLACE


@cache
def marked(model: type[BaseModel], marker: Marker) -> frozenset[str]:
    """The names of the fields of `model` that carry `marker`."""
    return frozenset(name for name, field in model.model_fields.items() if marker in field.metadata)
