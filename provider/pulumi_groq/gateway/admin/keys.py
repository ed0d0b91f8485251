"""Lists, shows, changes and deletes keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.key_guard import end_pause_of
from pulumi_groq.gateway.admin.key_merge import merged
from pulumi_groq.gateway.admin.key_rules import (
    require_coherent,
    require_future,
    require_own_address,
    require_priced,
    require_team,
    require_tools_priced,
    require_within_team,
)
from pulumi_groq.gateway.admin.key_views import KeyViews
from pulumi_groq.gateway.admin.ownership import given_up, kept
from pulumi_groq.gateway.admin.quiet_period import QuietPeriods
from pulumi_groq.gateway.admin.refusals import Invalid, no_key, shown
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.protocols import Clock, ConsumerSource, Pauses
from pulumi_groq.gateway.store.idempotency import forget_answers
from pulumi_groq.gateway.store.keys import (
    KeyQuery,
    KeyRecord,
    all_keys,
    bury_key,
    cursor_position,
    find_key,
    page_of_keys,
    replace_key,
)
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.api_key import ApiKey, ApiKeyPage, ApiKeyUpdate
from pulumi_groq.models.consumer import ConsumerList
from pulumi_groq.models.ownership import Deleted

RunOnLoop = Callable[[Callable[[], None]], None]
"""Runs a function on the event loop, between two steps of any request, and waits for it."""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A page of keys: the first `limit` matching ones after the key `after`."""

    match: KeyQuery
    after: str | None
    limit: int


class Keys:
    """The handlers of `/openai/v1/api-keys`, except for creation."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        directory: LiveDirectory,
        catalogue: Catalogue,
        views: KeyViews,
        quiet: QuietPeriods,
        consumers: ConsumerSource,
        pauses: Pauses,
        clock: Clock,
        run_on_loop: RunOnLoop,
    ) -> None:
        self._store = store
        self._changes = changes
        self._directory = directory
        self._catalogue = catalogue
        self._views = views
        self._quiet = quiet
        self._consumers = consumers
        self._pauses = pauses
        self._clock = clock
        self._run_on_loop = run_on_loop

    def page(self, caller: Caller, query: PageQuery) -> ApiKeyPage:
        """One page, oldest first. A cursor stays good when its key is deleted."""
        if query.match.team is not None:
            caller.require("keys.read", query.match.team)
        now = self._clock.now()
        with self._store.read() as connection:
            position = None if query.after is None else self._position(connection, query.after)
            found = page_of_keys(connection, query.match, position, query.limit + 1, caller.teams)
        keys = [self._views.show(record, now) for record in found[: query.limit]]
        return ApiKeyPage(
            as_of=now,
            data=keys,
            first_id=keys[0].id if keys else None,
            last_id=keys[-1].id if keys else None,
            has_more=len(found) > query.limit,
        )

    def every(self, caller: Caller) -> list[ApiKey]:
        """Every live key that the caller may see, oldest first."""
        now = self._clock.now()
        with self._store.read() as connection:
            records = all_keys(connection)
            return [self._views.show(each, now) for each in records if caller.identity.covers(each.team)]

    def show(self, caller: Caller, key_id: str) -> ApiKey:
        """One key."""
        with self._store.read() as connection:
            record = _existing(connection, key_id)
        caller.require("keys.read", record.team)
        return self._views.show(record, self._clock.now())

    def consumers(self, caller: Caller, key_id: str) -> ConsumerList:
        """Who used a key, and when last."""
        with self._store.read() as connection:
            record = _existing(connection, key_id)
        caller.require("keys.read", record.team)
        return ConsumerList(as_of=self._clock.now(), data=self._consumers.of(key_id))

    def update(self, caller: Caller, key_id: str, update: ApiKeyUpdate, *, take_over: bool) -> ApiKey:
        """Change a key; in force on the next request. An update that changes nothing writes nothing."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            former = _existing(change.connection, key_id)
            caller.require("keys.write", former.team)
            record = merged(former, update, now, take_over=take_over)
            caller.require("keys.write", record.team)
            if record is not former:
                self._check(change.connection, former, record, now)
                replace_key(change.connection, record)
                change.log(former, record, now)
                change.then(partial(self._directory.put_key, record))
        return self._views.show(record, now)

    def resume(self, caller: Caller, key_id: str) -> ApiKey:
        """Let a key, with its lineage, go on that was paused for runaway spend; any other stays as it is."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            record = _existing(change.connection, key_id)
            caller.require("keys.resume", record.team)
            end_pause_of(self._pauses, change, record.lineage_id, now)
        return self._views.show(record, now)

    def delete(
        self, caller: Caller, key_id: str, unless_used_within: timedelta | None, claim: str | None
    ) -> Deleted:
        """Delete a key, unless it served a request within the given time (409 `key_in_use`); with a
        claim, once no other declaration holds it.
        """
        reported = () if unless_used_within is None else self._quiet.reports.collect()
        with self._changes.begin(caller) as change:
            record = _existing(change.connection, key_id)
            caller.require("keys.write", record.team)
            now = self._clock.now()
            left = given_up(record, claim)
            if left is not None:
                self._keep(change, record, left)
                return kept("api_key.deleted", key_id, left)
            bury_key(change.connection, key_id, now)
            change.log(record, None, now)
            forget_answers(change.connection, key_id)
            if unless_used_within is None:
                change.then(partial(self._directory.drop_key, record.key_hash))
            else:
                # On the loop no request can be admitted between the look at the last use and the end
                # of the key. If the commit then fails, the key is put back.
                quiet = self._quiet.check_of(change.connection, record, unless_used_within, reported)
                change.otherwise(partial(self._directory.put_key, record))
                self._run_on_loop(partial(self._directory.drop_key_if, record.key_hash, quiet))
        return Deleted(object="api_key.deleted", id=key_id)

    def _keep(self, change: PendingChange, record: KeyRecord, left: KeyRecord) -> None:
        if left != record:
            require_own_address(change.connection, left)
            replace_key(change.connection, left)
            change.log(record, left, self._clock.now())
            change.then(partial(self._directory.put_key, left))

    def _position(self, connection: Connection, key_id: str) -> int:
        position = cursor_position(connection, key_id)
        if position is None:
            raise Invalid(
                f"after names no key ({shown(key_id)}): use the last_id of the page before", param="after"
            )
        return position

    def _check(self, connection: Connection, former: KeyRecord, record: KeyRecord, now: datetime) -> None:
        if record.allowed_models != former.allowed_models:
            require_priced(self._catalogue, record.allowed_models)
        if record.allowed_tools != former.allowed_tools:
            require_tools_priced(self._catalogue, record.allowed_tools)
        if record.expires_at != former.expires_at:
            require_future(record.expires_at, now)
        require_coherent(record)
        require_within_team(record, former, require_team(connection, record.team))
        if (record.managed_by, record.declared_as) != (former.managed_by, former.declared_as):
            require_own_address(connection, record)


def _existing(connection: Connection, key_id: str) -> KeyRecord:
    record = find_key(connection, key_id)
    if record is None:
        raise no_key(key_id)
    return record
