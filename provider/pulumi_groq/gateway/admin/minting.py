"""Creates keys, each at most once."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.idempotency import (
    ANSWERS_KEPT_FOR,
    Minted,
    fingerprint,
    opened,
    require_same_body,
)
from pulumi_groq.gateway.admin.key_guard import guard_of
from pulumi_groq.gateway.admin.key_rules import (
    require_future,
    require_own_address,
    require_priced,
    require_successor,
    require_team,
    require_tools_priced,
    require_within_team,
)
from pulumi_groq.gateway.admin.key_views import KeyViews
from pulumi_groq.gateway.admin.ownership import require_holder, taken
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.key_values import KeyValue, KeyValues
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.idempotency import IdempotencyRecord, find_answer, keep_answer, purge_answers
from pulumi_groq.gateway.store.keys import KeyRecord, deleted_lineage, find_key, insert_key, replace_key
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyCreated
from pulumi_groq.models.fields import micro_usd
from pulumi_groq.models.ownership import Owned


class Minting:
    """The handler of `POST /openai/v1/api-keys`."""

    def __init__(
        self,
        *,
        changes: Changes,
        directory: LiveDirectory,
        catalogue: Catalogue,
        views: KeyViews,
        clock: Clock,
        ids: ObjectIds,
        values: KeyValues,
        seal: Seal,
    ) -> None:
        self._changes = changes
        self._directory = directory
        self._catalogue = catalogue
        self._views = views
        self._clock = clock
        self._ids = ids
        self._values = values
        self._seal = seal

    def create(
        self, caller: Caller, wanted: ApiKeyCreate, idempotency_key: str | None
    ) -> Minted[ApiKeyCreated]:
        """Mint a key, or answer as the caller's first request with this Idempotency-Key was answered."""
        caller.require("keys.write", wanted.team)
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            purge_answers(change.connection, older_than=now - ANSWERS_KEPT_FOR)
            if idempotency_key is not None:
                earlier = find_answer(change.connection, caller.identity.principal, idempotency_key)
                if earlier is not None:
                    return Minted(self._replay(change, earlier, wanted), replayed=True)
            return Minted(self._mint(change, wanted, idempotency_key, now), replayed=False)

    def answered(self, caller: Caller, idempotency_key: str) -> ApiKeyCreated | None:
        """The answer to the caller's earlier create with this Idempotency-Key, whatever it asked for."""
        with self._changes.begin(caller) as change:
            earlier = find_answer(change.connection, caller.identity.principal, idempotency_key)
            return None if earlier is None else self._unsealed(change, earlier)[0]

    def _mint(
        self, change: PendingChange, wanted: ApiKeyCreate, idempotency_key: str | None, now: datetime
    ) -> ApiKeyCreated:
        value = self._values.new()
        record = self._record(change, wanted, value, now)
        insert_key(change.connection, record)
        change.log(None, record, now)
        answer = self._views.show_created(record, value, now)
        if idempotency_key is not None:
            sealed = self._seal.close(answer.model_dump_json().encode(), now)
            keep_answer(
                change.connection,
                IdempotencyRecord(
                    change.caller.identity.principal,
                    idempotency_key,
                    _fingerprint(wanted),
                    record.id,
                    sealed,
                    now,
                ),
            )
        change.then(partial(self._directory.put_key, record))
        return answer

    def _record(
        self, change: PendingChange, wanted: ApiKeyCreate, value: KeyValue, now: datetime
    ) -> KeyRecord:
        connection = change.connection
        require_future(wanted.expires_at, now)
        require_priced(self._catalogue, wanted.allowed_models)
        require_tools_priced(self._catalogue, wanted.allowed_tools)
        team = require_team(connection, wanted.team)
        key_id = self._ids.new("key")
        parent = None if wanted.replaces is None else require_successor(connection, wanted.replaces)
        if parent is not None:
            change.caller.require("keys.write", parent.team)
            require_holder(parent, wanted)
        budget = wanted.monthly_budget_usd
        record = KeyRecord(
            id=key_id,
            key_hash=value.digest,
            last_four=value.last_four,
            name=wanted.name,
            managed_by=wanted.managed_by,
            declared_as=wanted.declared_as,
            team=wanted.team,
            replaces=wanted.replaces,
            lineage_id=key_id if parent is None else parent.lineage_id,
            generation=1 if parent is None else parent.generation + 1,
            allowed_models=tuple(wanted.allowed_models),
            allowed_tools=tuple(wanted.allowed_tools),
            requests_per_minute=wanted.requests_per_minute,
            tokens_per_minute=wanted.tokens_per_minute,
            requests_per_day=wanted.requests_per_day,
            tokens_per_day=wanted.tokens_per_day,
            max_parallel_requests=wanted.max_parallel_requests,
            runaway=guard_of(wanted.runaway),
            share=wanted.share,
            monthly_budget_micro_usd=None if budget is None else micro_usd(budget),
            budgets=tuple(wanted.budgets),
            model_limits=wanted.model_limits,
            expires_at=wanted.expires_at,
            metadata=wanted.metadata,
            disabled=False,
            created_at=now,
            updated_at=now,
            claim=wanted.claim,
        )
        require_within_team(record, parent, team)
        require_own_address(connection, record)
        return record if parent is not None else _made_again(change, record)

    def _replay(
        self, change: PendingChange, earlier: IdempotencyRecord, wanted: ApiKeyCreate
    ) -> ApiKeyCreated:
        require_same_body(earlier.fingerprint, _fingerprint(wanted))
        answer, made = self._unsealed(change, earlier)
        self._claim_again(change, made, wanted)
        return answer.model_copy(update={"claim": wanted.claim})

    def _unsealed(
        self, change: PendingChange, earlier: IdempotencyRecord
    ) -> tuple[ApiKeyCreated, KeyRecord | None]:
        """The answer as it was given, and the key if it still lives."""
        made = find_key(change.connection, earlier.key_id)
        if made is not None:
            # It may have been moved to another team since.
            change.caller.require("keys.write", made.team)
        return opened(self._seal, earlier.sealed_answer, ApiKeyCreated, "API key", earlier.key_id), made

    def _claim_again(self, change: PendingChange, record: KeyRecord | None, wanted: ApiKeyCreate) -> None:
        """Let a repeated create hold the key by its own claim, unless the key was moved elsewhere since."""
        place = (wanted.managed_by, wanted.declared_as)
        if wanted.claim is None or record is None or (record.managed_by, record.declared_as) != place:
            return
        owner = Owned(managed_by=wanted.managed_by, declared_as=wanted.declared_as, claim=wanted.claim)
        held = taken(record, record, owner)
        replace_key(change.connection, held)
        change.then(partial(self._directory.put_key, held))


def _made_again(change: PendingChange, record: KeyRecord) -> KeyRecord:
    """The key in the lineage of the one that was deleted at its address: what that has spent this month
    counts against its budget. Without an address it cannot be recognised.
    """
    if record.managed_by is None or record.declared_as is None:
        return record
    former = deleted_lineage(
        change.connection, record.managed_by, record.declared_as, record.name, change.caller.teams
    )
    return record if former is None else replace(record, lineage_id=former)


def _fingerprint(wanted: ApiKeyCreate) -> bytes:
    return fingerprint(wanted, "allowed_models", "allowed_tools")
