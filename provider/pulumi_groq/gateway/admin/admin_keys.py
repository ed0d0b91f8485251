"""Lists, shows, creates, changes and deletes admin keys."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory, has_expired
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.idempotency import (
    ANSWERS_KEPT_FOR,
    Minted,
    fingerprint,
    opened,
    require_same_body,
)
from pulumi_groq.gateway.admin.key_rules import require_future
from pulumi_groq.gateway.admin.keys import RunOnLoop
from pulumi_groq.gateway.admin.lineage_rules import require_newest_alone, require_own_place
from pulumi_groq.gateway.admin.ownership import given_up, kept, patched, require_holder, taken
from pulumi_groq.gateway.admin.quiet_period import Reports
from pulumi_groq.gateway.admin.refusals import Conflict, Invalid, Missing, shown
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.key_values import ADMIN_PREFIX, KeyValue, KeyValues
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.admin_keys import (
    AdminKeyRecord,
    admin_key_last_uses,
    all_admin_keys,
    find_admin_key,
    insert_admin_key,
    purge_admin_key_answers,
    remove_admin_key,
    replace_admin_key,
)
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.admin_key import (
    AdminKey,
    AdminKeyCreate,
    AdminKeyCreated,
    AdminKeyPage,
    AdminKeyUpdate,
)
from pulumi_groq.models.fields import wire_time
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.role import misfit
from pulumi_groq.policy.roles import ROOT_ACTOR_ID


class AdminKeys:
    """The handlers of `/openai/v1/admin-keys`."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        directory: AdminKeyDirectory,
        clock: Clock,
        ids: ObjectIds,
        values: KeyValues,
        seal: Seal,
        run_on_loop: RunOnLoop,
        reports: Reports,
    ) -> None:
        self._run_on_loop = run_on_loop
        self._reports = reports
        self._store = store
        self._changes = changes
        self._directory = directory
        self._clock = clock
        self._ids = ids
        self._values = values
        self._seal = seal

    def list(self) -> AdminKeyPage:
        """All admin keys, oldest first."""
        with self._store.read() as connection:
            records, uses = all_admin_keys(connection), admin_key_last_uses(connection)
        shown = [self._shown(record, uses.get(record.id)) for record in records]
        return AdminKeyPage(as_of=self._clock.now(), data=shown)

    def show(self, key_id: str) -> AdminKey:
        """One admin key."""
        with self._store.read() as connection:
            used_at = admin_key_last_uses(connection).get(key_id)
            return self._shown(_existing(connection, key_id), used_at)

    def create(
        self, caller: Caller, wanted: AdminKeyCreate, idempotency_key: str | None
    ) -> Minted[AdminKeyCreated]:
        """Mint a key, or answer as the caller's first request with this Idempotency-Key was answered."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            purge_admin_key_answers(change.connection, older_than=now - ANSWERS_KEPT_FOR)
            made = all_admin_keys(change.connection)
            earlier = [
                each
                for each in made
                if idempotency_key is not None
                and (each.made_by, each.idempotency_key) == (caller.identity.principal, idempotency_key)
            ]
            if earlier:
                return Minted(self._replay(change, earlier[0], wanted), replayed=True)
            value = self._values.new(ADMIN_PREFIX)
            record = self._record(made, wanted, value, now)
            answer = AdminKeyCreated(**dict(self._shown(record)), admin_key=value.value)
            if idempotency_key is not None:
                record = replace(
                    record,
                    made_by=caller.identity.principal,
                    idempotency_key=idempotency_key,
                    fingerprint=_fingerprint(wanted),
                    sealed_answer=self._seal.close(answer.model_dump_json().encode(), now),
                )
            insert_admin_key(change.connection, record)
            change.log(None, record, now)
            change.then(partial(self._directory.put, record))
            return Minted(answer, replayed=False)

    def _record(
        self, made: Sequence[AdminKeyRecord], wanted: AdminKeyCreate, value: KeyValue, now: datetime
    ) -> AdminKeyRecord:
        """The new key, which may stand beside those that were `made`."""
        require_future(wanted.expires_at, now)
        parent = None if wanted.replaces is None else _replaced(made, wanted.replaces)
        if parent is not None:
            require_holder(parent, wanted)
        key_id = self._ids.new("adm")
        record = AdminKeyRecord(
            id=key_id,
            key_hash=value.digest,
            last_four=value.last_four,
            name=wanted.name,
            role=wanted.role,
            teams=tuple(sorted(wanted.teams)),
            expires_at=wanted.expires_at,
            created_at=now,
            updated_at=now,
            managed_by=wanted.managed_by,
            declared_as=wanted.declared_as,
            claim=wanted.claim,
            replaces=wanted.replaces,
            lineage_id=parent.lineage_id if parent else key_id,
            generation=parent.generation + 1 if parent else 1,
        )
        require_own_place(record, made)
        return record

    def _replay(
        self, change: PendingChange, earlier: AdminKeyRecord, wanted: AdminKeyCreate
    ) -> AdminKeyCreated:
        require_same_body(earlier.fingerprint, _fingerprint(wanted))
        answer = opened(self._seal, earlier.sealed_answer, AdminKeyCreated, "admin key", earlier.id)
        if (earlier.managed_by, earlier.declared_as) != (wanted.managed_by, wanted.declared_as):
            return answer  # it was moved elsewhere since
        # Whoever repeats the create holds the key by its own claim.
        held = taken(earlier, earlier, wanted)
        replace_admin_key(change.connection, held)
        change.then(partial(self._directory.put, held))
        return answer.model_copy(update={"claim": held.claim})

    def update(self, caller: Caller, key_id: str, update: AdminKeyUpdate, *, take_over: bool) -> AdminKey:
        """Change a key; in force on the next request. An update that changes nothing writes nothing."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            former = _existing(change.connection, key_id)
            record = _merged(former, update, take_over=take_over)
            if record == former:
                return self._shown(former)
            if record.expires_at != former.expires_at:
                require_future(record.expires_at, now)
            made = all_admin_keys(change.connection)
            # The keys of one lineage are one owner: both are given another role, one after the other.
            others = [each for each in made if each.lineage_id != former.lineage_id]
            if (record.managed_by, record.declared_as) != (former.managed_by, former.declared_as):
                require_own_place(record, others)
            if (record.role, record.expires_at) != (former.role, former.expires_at):
                self._require_another_owner(caller, former, others)
            record = replace(record, updated_at=now)
            self._rewrite(change, former, record, now)
        return self._shown(record)

    def _rewrite(
        self, change: PendingChange, former: AdminKeyRecord, record: AdminKeyRecord, now: datetime
    ) -> None:
        replace_admin_key(change.connection, record)
        change.log(former, record, now)
        change.then(partial(self._directory.put, record))

    def delete(
        self, caller: Caller, key_id: str, unless_used_within: timedelta | None, claim: str | None
    ) -> Deleted:
        """Delete an admin key, unless it was used within the given time (409 `key_in_use`); with a claim,
        once no other declaration holds it.
        """
        reported = () if unless_used_within is None else self._reports.collect()
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            record = _existing(change.connection, key_id)
            made = all_admin_keys(change.connection)
            left = given_up(record, claim)
            if left is not None:
                if left != record:
                    require_own_place(left, made)
                    self._rewrite(change, record, left, now)
                return kept("admin_key.deleted", key_id, left)
            others = [each for each in made if each.id != key_id]
            self._require_another_owner(caller, record, others)
            used_at = admin_key_last_uses(change.connection).get(key_id)
            remove_admin_key(change.connection, key_id)
            change.log(record, None, now)
            if unless_used_within is None:
                change.then(partial(self._directory.drop, record))
            else:
                # As for API keys: on the loop no request comes between the look and the end of the key.
                change.otherwise(partial(self._directory.put, record))
                missing = self._reports.missing_from(change.connection, reported)
                quiet = partial(self._require_quiet, record, used_at, unless_used_within, missing)
                self._run_on_loop(partial(self._directory.drop_if, record, quiet))
        return Deleted(object="admin_key.deleted", id=key_id)

    def _require_another_owner(
        self, caller: Caller, former: AdminKeyRecord, others: Sequence[AdminKeyRecord]
    ) -> None:
        """An owner key that never expires is left, unless GROQ_ADMIN_KEY itself asks."""
        if former.role != "owner" or caller.identity.actor_id == ROOT_ACTOR_ID:
            return
        if not any(each.role == "owner" and each.expires_at is None for each in others):
            raise Conflict(
                f"Admin key {former.id} is the last owner: give another admin key the role owner without an "
                "expiry first, or use the gateway's own GROQ_ADMIN_KEY",
                code="last_owner",
                key_id=former.id,
            )

    def _require_quiet(
        self, record: AdminKeyRecord, written: datetime | None, quiet_for: timedelta, missing: str | None
    ) -> None:
        used_at, why = self._last_used_at(record, written), missing
        if used_at is not None and self._clock.now() - used_at < quiet_for:
            why = (
                f"is in use: it was last used at {wire_time(used_at)}, less than "
                f"{quiet_for.total_seconds():.0f} s ago"
            )
        if why is not None:
            raise Conflict(
                f"Admin key {record.id} (…{record.last_four}) {why}",
                code="key_in_use",
                param="unless_used_within_s",
                key_id=record.id,
            )

    def _last_used_at(self, record: AdminKeyRecord, written: datetime | None) -> datetime | None:
        """The later of what this gateway saw and what any gateway has written."""
        seen = self._directory.last_used_at(record.id)
        return max(filter(None, (seen, written)), default=None)

    def _shown(self, record: AdminKeyRecord, used_at: datetime | None = None) -> AdminKey:
        return AdminKey(
            id=record.id,
            name=record.name,
            role=record.role,
            teams=list(record.teams),
            expires_at=record.expires_at,
            status="expired" if has_expired(record, self._clock) else "active",
            last_four=record.last_four,
            created_at=record.created_at,
            updated_at=record.updated_at,
            managed_by=record.managed_by,
            declared_as=record.declared_as,
            claim=record.claim,
            replaces=record.replaces,
            lineage_id=record.lineage_id,
            generation=record.generation,
            last_used_at=self._last_used_at(record, used_at),
        )


def _existing(connection: Connection, key_id: str) -> AdminKeyRecord:
    record = find_admin_key(connection, key_id)
    if record is None:
        raise _no_admin_key(key_id)
    return record


def _no_admin_key(key_id: str, param: str | None = None) -> Missing:
    message = f"There is no admin key with the id {shown(key_id)}"
    return Missing(message, code="admin_key_not_found", param=param)


def _merged(record: AdminKeyRecord, update: AdminKeyUpdate, *, take_over: bool) -> AdminKeyRecord:
    """`record` with the fields that `update` sets. Raises `Invalid` where role and teams do not fit."""
    values: dict[str, Any] = {name: getattr(update, name) for name in update.model_fields_set - {"claim"}}
    if "role" in values and values["role"] is None:
        raise Invalid("role cannot be null: leave the field out to keep it", param="role")
    if "teams" in values:
        values["teams"] = tuple(sorted(values["teams"] or ()))
    changed = replace(record, **values)
    problem = misfit(changed.role, changed.teams)
    if problem is not None:
        raise Invalid(f"teams {problem}", param="teams")
    return patched(changed, record, update, take_over=take_over)


def _replaced(made: Sequence[AdminKeyRecord], replaces: str) -> AdminKeyRecord:
    """The key of `made`, all live ones, that a new one may replace. Raises 404, and what
    `require_newest_alone` raises.
    """
    parent = next((each for each in made if each.id == replaces), None)
    if parent is None:
        raise _no_admin_key(replaces, param="replaces")
    lineage = [each for each in made if each.lineage_id == parent.lineage_id]
    require_newest_alone(parent, sorted(lineage, key=lambda each: each.generation))
    return parent


def _fingerprint(wanted: AdminKeyCreate) -> bytes:
    return fingerprint(wanted, "teams")
