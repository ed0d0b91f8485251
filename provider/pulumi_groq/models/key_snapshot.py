"""Keys as they were at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

KeyT_co = TypeVar("KeyT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class KeySnapshot(Generic[KeyT_co]):
    """Keys by id, oldest first, and the server's time when their list began."""

    as_of: datetime
    keys: Mapping[str, KeyT_co]
