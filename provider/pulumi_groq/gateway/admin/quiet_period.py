"""Whether a key has gone quiet, at this gateway and at all others on its store."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from pulumi_groq.gateway.admin.refusals import Conflict
from pulumi_groq.gateway.protocols import Clock, UsageSource
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.ledger import last_use
from pulumi_groq.gateway.store.replicas import present_replicas, reported_use
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.fields import wire_time


class Reports:
    """Has every other gateway on the store write down which keys are in use there, before a key goes. `ask`
    waits for them, and gives the names of those that have; it raises `StoreUnavailableError`.
    """

    def __init__(self, store: Store, ask: Callable[[], Collection[str]]) -> None:
        self._store = store
        self._ask = ask

    def collect(self) -> Collection[str]:
        """The gateways that have reported since this began. Waits up to `REPORT_WAIT_S`: call it on no event
        loop, and before a change begins.
        """
        return () if self._store.replica is None else self._ask()

    def missing_from(self, connection: Connection, reported: Collection[str]) -> str | None:
        """What may be of one that has not: it does not answer, or has joined meanwhile."""
        own = self._store.replica
        for each in () if own is None else present_replicas(connection):
            if each.replica != own and each.replica not in reported:
                return (
                    f"may be in use at the gateway {each.replica}, which does not answer and was last seen "
                    f"{each.silent_s:.0f} s ago: try again, start it again, or, where its disk is lost, run "
                    f"`pulumi-groq replicas forget {each.replica}`"
                )
        return None


class QuietPeriods:
    """A key counts as quiet once every gateway has reported its uses, and all are long enough ago."""

    def __init__(self, store: Store, usage: UsageSource, clock: Clock, reports: Reports) -> None:
        self._store = store
        self._usage = usage
        self._clock = clock
        self.reports = reports

    def check_of(
        self, connection: Connection, record: KeyRecord, quiet_for: timedelta, reported: Collection[str]
    ) -> Callable[[], None]:
        """What raises `Conflict` `key_in_use` unless the key was quiet for so long. To be called on the event
        loop; what other gateways have reported is read now, `reported` is who has: see `Reports.collect`.
        """
        last_elsewhere: datetime | None = None
        if self._store.replica is not None:
            last_elsewhere = _later(last_use(connection, record.id), reported_use(connection, record.id))
        missing = self.reports.missing_from(connection, reported)

        def check() -> None:
            last_used_at = _later(last_elsewhere, self._usage.last_used_at(record.id))
            self._require_unused(record, last_used_at, quiet_for)
            if missing is not None:
                raise _in_use(record, missing)

        return check

    def _require_unused(self, record: KeyRecord, last_used_at: datetime | None, quiet_for: timedelta) -> None:
        if last_used_at is not None and self._clock.now() - last_used_at < quiet_for:
            raise _in_use(
                record,
                f"is in use: it last served a request at {wire_time(last_used_at)}, less than "
                f"{quiet_for.total_seconds():.0f} s ago",
            )


async def nobody_else() -> Collection[str]:
    """Asks no other gateway for a report: there is none."""
    return ()


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _in_use(record: KeyRecord, why: str) -> Conflict:
    return Conflict(
        f"API key {record.id} (…{record.last_four}) {why}",
        code="key_in_use",
        param="unless_used_within_s",
        key_id=record.id,
    )
