"""The `rotation` argument of `GroqApiKey`, typed."""

from collections.abc import Sequence
from typing import TypedDict


class FreezeWindowArgs(TypedDict):
    """No rotation starts and no key is retired from `start` up to `end`: ISO 8601 times with offset."""

    start: str
    end: str


class RotationArgs(TypedDict, total=False):
    """When a key is replaced, and how long its predecessor keeps working. The gateway's clock counts.

    `every_days`: rotate at this age, 1 to 3,650 days. `trigger`: rotate when this text changes.
    `emergency_trigger`: when this text changes, rotate and revoke earlier keys in the same run.
    `overlap_hours` (24): how long the predecessor keeps working at least, 1 to 8,760.
    `quiet_hours` (24): it is deleted once it has served nothing for so long, 1 to 8,760.
    `freeze_windows`: up to 50 spans in which nothing of this starts.
    """

    every_days: int
    trigger: str
    emergency_trigger: str
    overlap_hours: int
    quiet_hours: int
    freeze_windows: Sequence[FreezeWindowArgs]
