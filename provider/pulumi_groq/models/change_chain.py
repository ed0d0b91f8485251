"""The chain of changes: each one's hash covers the hash of the one before, so that what is missing shows."""

import hashlib
import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from pulumi_groq.models.history import Change

BEGINNING: Final = "0" * 64
"""The hash before the very first change."""


def hash_of(change: Change) -> str:
    """What the change's hash has to be: SHA-256 over every field but its number and the hash itself."""
    content = change.model_dump(mode="json", exclude={"id", "hash"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Anchor(NamedTuple):
    """A change that was there once, by its number and hash, as somebody noted them: `41:9f...`."""

    id: int
    hash: str

    def __str__(self) -> str:
        return f"{self.id}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """The anchor that is written so. Raises `ValueError` for anything else."""
        number, _, digest = text.strip().partition(":")
        if len(digest) != len(BEGINNING) or not set(digest) <= set("0123456789abcdef"):
            raise ValueError("an anchor is NUMBER:HASH, as verify prints it")
        return cls(int(number), digest)


class Verdict(NamedTuple):
    """What was found of a chain. `problems` is empty where it is whole; `newest` is the anchor to note.

    `cut` says that it does not reach back to the first change: older ones were dropped after their time.
    """

    entries: int
    oldest_id: int | None
    newest: Anchor | None
    cut: bool
    problems: tuple[str, ...]


def verify(changes: Iterable[Change], anchor: Anchor | None = None) -> Verdict:
    """Judge all kept changes, given oldest first; `anchor` was the newest at some earlier time."""
    problems: list[str] = []
    first: Change | None = None
    last: Change | None = None
    anchored = anchor is None
    entries = 0
    for change in changes:
        entries += 1
        if hash_of(change) != change.hash:
            problems.append(f"change {change.id} was altered: its content does not fit its hash")
        if last is not None and (change.previous_hash != last.hash or change.id <= last.id):
            problems.append(f"between changes {last.id} and {change.id} something was removed or altered")
        if anchor is not None and change.id == anchor.id:
            anchored = True
            if change.hash != anchor.hash:
                problems.append(
                    f"change {change.id} is not the one of the anchor: the chain was written anew"
                )
        first, last = first or change, change
    if anchor is not None and not anchored:
        problems += _missing(anchor, first, last)
    return Verdict(
        entries=entries,
        oldest_id=first.id if first else None,
        newest=Anchor(last.id, last.hash) if last else None,
        cut=first is not None and first.previous_hash != BEGINNING,
        problems=tuple(problems),
    )


def _missing(anchor: Anchor, first: Change | None, last: Change | None) -> list[str]:
    if last is None or anchor.id > last.id:
        return [f"the last changes were removed: change {anchor.id} of the anchor was there, and is not"]
    if first is not None and anchor.id < first.id:
        # It was dropped after its time; what follows it must still lead on to it where it is the next.
        if first.id == anchor.id + 1 and first.previous_hash != anchor.hash:
            return [f"change {first.id} does not follow the anchor: the chain was written anew"]
        return []
    return [f"change {anchor.id} of the anchor was removed"]
