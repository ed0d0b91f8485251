"""The declarations that hold an object, as stored: its owner and the ones it was taken over from."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class ClaimHolder(NamedTuple):
    """A declaration that created or took over an object and has not given it up."""

    managed_by: str | None
    declared_as: str | None
    claim: str


def holders_of(stored: Iterable[Sequence[str]]) -> tuple[ClaimHolder, ...]:
    """The former holders from their JSON column."""
    return tuple(ClaimHolder(*each) for each in stored)
