"""What the store raises: it cannot be opened, or it does not answer."""

from typing import Final

ALL_BUSY: Final = "all connections to the store are busy"
"""Why a `StoreUnavailableError` is raised when no connection became free in time."""


class StoreError(Exception):
    """Base of the store's errors; messages are one line and hold no secret."""


class StoreOpenError(StoreError):
    """The store cannot be used at all: bad URL, path, version, or another gateway holds it."""


class StoreNotYetError(StoreOpenError):
    """The store cannot be used right now, because its server is out or busy: a later start may succeed."""


class StoreUnavailableError(StoreError):
    """The store did not answer: the write was not acknowledged, and nothing may be assumed about it."""


class StoreFullError(StoreUnavailableError):
    """The disk has no space for the write."""


class StoreDamagedError(StoreUnavailableError):
    """The database file is damaged: waiting does not help, a backup does."""


class StoreBehindError(StoreUnavailableError):
    """The database lacks what it has acknowledged, as a copy that lagged behind when it took over: this
    process has to end, and the next one goes on with what is there.
    """


class RowRefusedError(StoreError):
    """The store works but refuses a value: out of range, a duplicate, not of the column's type."""
