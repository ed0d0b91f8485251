"""The `rotation` argument of `GroqApiKey`, typed."""

from collections.abc import Sequence
from typing import TypedDict


class FreezeWindowArgs(TypedDict):
    """A span of time in which no rotation starts and no key is retired.

    :param start: When the window begins: an ISO 8601 time with its zone.
    :param end: When the window is over: a later ISO 8601 time with its zone.
    """

    start: str
    end: str


class RotationArgs(TypedDict, total=False):
    """When a key is replaced, and how long its predecessor keeps working. The gateway's clock counts.

    :param every_days: Rotate the key when it is this many days old, 1 to 3,650; unless set, never by
        age.
    :param trigger: Rotate the key when this text changes: 1 to 256 characters.
    :param emergency_trigger: Rotate the key and revoke its predecessors in the same run when this text
        changes: 1 to 256 characters.
    :param overlap_hours: How many hours the predecessor keeps working at least, 1 to 8,760 and shorter
        than `every_days`; 24 by default.
    :param quiet_hours: After the overlap the predecessor is deleted once it has served nothing for this
        many hours, 1 to 8,760; 24 by default.
    :param freeze_windows: Up to 50 spans of time in which no rotation starts and no key is retired.
    """

    every_days: int
    trigger: str
    emergency_trigger: str
    overlap_hours: int
    quiet_hours: int
    freeze_windows: Sequence[FreezeWindowArgs]
