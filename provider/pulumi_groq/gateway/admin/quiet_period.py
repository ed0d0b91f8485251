"""Whether a key has gone quiet, at this gateway and at all others on its store."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from pulumi_groq.gateway.admin.refusals import Conflict
from pulumi_groq.gateway.protocols import Clock, UsageSource
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.ledger import last_use
from pulumi_groq.gateway.store.replicas import SILENT_AFTER_S, ReplicaRecord, present_replicas, reported_use
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.fields import wire_time


class QuietPeriods:
    """Other gateways report their uses of keys each second, and up to when they have. So a key counts as
    quiet once the whole period was reported by everyone, and everyone is heard of.
    """

    def __init__(self, store: Store, usage: UsageSource, clock: Clock) -> None:
        self._store = store
        self._usage = usage
        self._clock = clock

    def check_of(self, connection: Connection, record: KeyRecord, quiet_for: timedelta) -> Callable[[], None]:
        """What raises `Conflict` `key_in_use` unless the key was quiet for so long. To be called on the event
        loop; what other gateways have reported is read now.
        """
        others: Sequence[ReplicaRecord] = ()
        last_elsewhere: datetime | None = None
        own = self._store.replica
        if own is not None:
            others = [each for each in present_replicas(connection) if each.replica != own]
            last_elsewhere = _later(last_use(connection, record.id), reported_use(connection, record.id))

        def check() -> None:
            last_used_at = _later(last_elsewhere, self._usage.last_used_at(record.id))
            self._require_unused(record, last_used_at, quiet_for)
            self._require_reports(record, others, last_used_at, quiet_for)

        return check

    def _require_unused(self, record: KeyRecord, last_used_at: datetime | None, quiet_for: timedelta) -> None:
        if last_used_at is not None and self._clock.now() - last_used_at < quiet_for:
            raise _in_use(
                record,
                f"is in use: it last served a request at {wire_time(last_used_at)}, less than "
                f"{quiet_for.total_seconds():.0f} s ago",
            )

    def _require_reports(
        self,
        record: KeyRecord,
        others: Sequence[ReplicaRecord],
        last_used_at: datetime | None,
        quiet_for: timedelta,
    ) -> None:
        needed = self._clock.now() - timedelta(seconds=SILENT_AFTER_S)
        if last_used_at is not None:
            needed = max(needed, last_used_at + quiet_for)
        for each in others:
            reported_at = datetime.fromtimestamp(each.reported_us / 1_000_000, UTC)
            if reported_at < needed:
                raise _in_use(
                    record,
                    f"may be in use at the gateway {each.replica}, which last reported at "
                    f"{wire_time(reported_at)}: try again, start it again, or, where its disk is lost, run "
                    f"`pulumi-groq replicas forget {each.replica}`",
                )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _in_use(record: KeyRecord, why: str) -> Conflict:
    return Conflict(
        f"API key {record.id} (…{record.last_four}) {why}",
        code="key_in_use",
        param="unless_used_within_s",
        key_id=record.id,
    )
