"""The admin API as methods: one per operation, models in, models out."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from random import SystemRandom
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from pulumi_groq.admin.addressing import (
    ADMIN_KEYS,
    CHANGES,
    KEYS,
    MODELS,
    SPEND_POLICY,
    TEAMS,
    USAGE,
    USAGE_BUCKETS,
    USAGE_DENIALS,
    WORKLOAD_IDENTITIES,
    admin_key_path,
    checked_idempotency_key,
    consumers_path,
    identity_path,
    key_path,
    query,
    taking_over,
    team_path,
)
from pulumi_groq.admin.answers import AnswerReader
from pulumi_groq.admin.keys import CreatedAdminKey, CreatedKey
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.admin.sending import Call, Sender
from pulumi_groq.admin.settings import AdminSettings, Redaction
from pulumi_groq.admin.transport import RetryingTransport
from pulumi_groq.errors import NotFoundError
from pulumi_groq.models.admin_key import (
    AdminKey,
    AdminKeyCreate,
    AdminKeyCreated,
    AdminKeyPage,
    AdminKeyUpdate,
)
from pulumi_groq.models.api_key import ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyPage, ApiKeyUpdate
from pulumi_groq.models.consumer import ConsumerList
from pulumi_groq.models.fields import WireModel
from pulumi_groq.models.history import (
    ACTS,
    LARGEST_HISTORY_PAGE,
    Change,
    ChangePage,
    DenialBucket,
    DenialGroup,
    DenialPage,
    UsageBucket,
    UsageGroup,
    UsagePage,
)
from pulumi_groq.models.key_snapshot import KeySnapshot
from pulumi_groq.models.model import Model, ModelPage
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.spend_policy import SpendPolicy, SpendPolicySettings
from pulumi_groq.models.team import Team, TeamPage, TeamSettings
from pulumi_groq.models.usage import Usage
from pulumi_groq.models.workload_identity import (
    WorkloadIdentity,
    WorkloadIdentityPage,
    WorkloadIdentitySettings,
)

ModelT = TypeVar("ModelT", bound=WireModel)
PageT = TypeVar("PageT", UsagePage, DenialPage)

PAGE_SIZE: Final = 100

_random = SystemRandom().random
_utc_now = partial(datetime.now, UTC)


class AdminClient:
    """The gateway's admin API, called synchronously. Thread-safe: one client serves all threads.

    Every call retries what may be temporary (see RetryingTransport) and ends within `deadline_s` seconds;
    listing keys counts that per page. Every call raises NoAnswerError when there is no answer in time, and
    the ApiError that fits an error answer; messages are one line and hold no key. `clock` is monotonic
    seconds, `random` gives numbers from 0 to 1, `now` is the wall clock for `retry-after` dates of servers
    that do not say what time it is.
    """

    def __init__(
        self,
        settings: AdminSettings,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _random,
        deadline_s: float = 120.0,
        backoff: Backoff = Backoff(),  # noqa: B008 (frozen)
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        redaction = Redaction(settings.admin_key)
        self._reader = AnswerReader(settings, redaction)
        self._sender = Sender(settings, redaction, transport, now, clock)
        self._transport = RetryingTransport(
            self._sender,
            self._reader,
            clock=clock,
            sleep=sleep,
            random=random,
            deadline_s=deadline_s,
            backoff=backoff,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def create_key(self, key: ApiKeyCreate, idempotency_key: str) -> CreatedKey:
        """Create a key. The same `idempotency_key` and key within 24 h give the same key and value again.

        Raises ConflictError: `idempotency_key_reused` for another key's, `idempotency_key_expired`
        after 24 h (the error's `key_id` says which key it made), `already_declared`,
        `rotation_in_progress`, `already_replaced`.
        """
        call = Call(
            f"create API key '{key.name}'",
            "POST",
            KEYS,
            body=key.model_dump_json(exclude_none=True),
            idempotency_key=checked_idempotency_key(idempotency_key),
        )
        answer = self._transport.send(call)
        created = self._reader.model(call, answer, ApiKeyCreated)
        return CreatedKey(created, replayed=answer.headers.get("idempotent-replayed") == "true")

    def get_key(self, key_id: str) -> ApiKey:
        """The key. Raises NotFoundError when there is none, and only then."""
        return self._exchange(Call(f"read API key {key_id}", "GET", key_path(key_id)), ApiKey)

    def consumers(self, key_id: str) -> ConsumerList:
        """Who used the key, the one seen last first. Raises NotFoundError when there is no such key."""
        call = Call(f"read the consumers of API key {key_id}", "GET", consumers_path(key_id))
        return self._exchange(call, ConsumerList)

    def list_keys(
        self, *, managed_by: str | None = None, name: str | None = None, team: str | None = None
    ) -> Iterator[ApiKey]:
        """All keys that match every filter given, oldest first, read page by page on demand."""
        for page in self._pages(query(limit=PAGE_SIZE, managed_by=managed_by, name=name, team=team)):
            yield from page.data

    def snapshot(
        self, *, managed_by: str | None = None, lineage_id: str | None = None
    ) -> KeySnapshot[ApiKey]:
        """All keys that match every filter given, with the server's time."""
        filters = query(limit=PAGE_SIZE, managed_by=managed_by, lineage_id=lineage_id)
        pages = list(self._pages(filters))
        return KeySnapshot(pages[0].as_of, {key.id: key for page in pages for key in page.data})

    def _pages(self, filters: dict[str, str]) -> Iterator[ApiKeyPage]:
        seen: set[str] = set()
        while True:
            call = Call("list API keys", "GET", KEYS, query=filters)
            answer = self._transport.send(call)
            page = self._reader.model(call, answer, ApiKeyPage)
            yield page
            if not page.has_more:
                return
            if page.last_id is None or page.last_id in seen:
                raise self._reader.unexpected(call, answer, "the list's pages go in circles")
            seen.add(page.last_id)
            filters = filters | {"after": page.last_id}

    def update_key(self, key_id: str, update: ApiKeyUpdate, *, take_over: bool = False) -> ApiKey:
        """Change the fields that were set on `update`; one set to None goes back to its default.

        With a `claim` in it, raises ConflictError `held_elsewhere` while another stack's declaration holds
        the key, unless it is to be taken over.
        """
        body, filters = update.model_dump_json(exclude_unset=True), taking_over(take_over)
        call = Call(f"update API key {key_id}", "PATCH", key_path(key_id), query=filters, body=body)
        return self._exchange(call, ApiKey)

    def resume_key(self, key_id: str) -> ApiKey:
        """Let a paused key go on, and its lineage. Raises NotFoundError when there is none."""
        return self._exchange(Call(f"resume API key {key_id}", "DELETE", f"{key_path(key_id)}/pause"), ApiKey)

    def resume_workload_identity(self, identity_id: str) -> WorkloadIdentity:
        """Let a paused workload identity go on. Raises NotFoundError when there is none with this id."""
        call = Call(f"resume workload identity {identity_id}", "DELETE", f"{key_path(identity_id)}/pause")
        return self._exchange(call, WorkloadIdentity)

    def delete_key(
        self, key_id: str, *, unless_used_within_s: int | None = None, claim: str | None = None
    ) -> Deleted | None:
        """Delete the key at once; `None` where it is gone already.

        With a `claim` it stays while another declaration holds it: the answer says whose it is.
        Raises ConflictError `key_in_use` if it served a request within the last
        `unless_used_within_s` seconds; None deletes in any case.
        """
        filters = query(unless_used_within_s=unless_used_within_s, claim=claim)
        return self._delete(Call(f"delete API key {key_id}", "DELETE", key_path(key_id), query=filters))

    def create_admin_key(self, key: AdminKeyCreate, idempotency_key: str) -> CreatedAdminKey:
        """Create an admin key, repeated and refused as `create_key` is."""
        call = Call(
            f"create admin key '{key.name}'",
            "POST",
            ADMIN_KEYS,
            body=key.model_dump_json(exclude_none=True),
            idempotency_key=checked_idempotency_key(idempotency_key),
        )
        answer = self._transport.send(call)
        created = self._reader.model(call, answer, AdminKeyCreated)
        return CreatedAdminKey(created, replayed=answer.headers.get("idempotent-replayed") == "true")

    def list_admin_keys(self) -> list[AdminKey]:
        """All admin keys, oldest first."""
        return list(self.admin_key_snapshot().keys.values())

    def admin_key_snapshot(self) -> KeySnapshot[AdminKey]:
        """All admin keys, and the server's time."""
        page = self._exchange(Call("list admin keys", "GET", ADMIN_KEYS), AdminKeyPage)
        return KeySnapshot(page.as_of, {key.id: key for key in page.data})

    def get_admin_key(self, key_id: str) -> AdminKey:
        """The admin key. Raises NotFoundError when there is none, and only then."""
        return self._exchange(Call(f"read admin key {key_id}", "GET", admin_key_path(key_id)), AdminKey)

    def update_admin_key(self, key_id: str, update: AdminKeyUpdate, *, take_over: bool = False) -> AdminKey:
        """Change the admin key as `update_key` does a key. Raises ConflictError `last_owner`."""
        body = update.model_dump_json(exclude_unset=True)
        filters = taking_over(take_over)
        call = Call(f"update admin key {key_id}", "PATCH", admin_key_path(key_id), query=filters, body=body)
        return self._exchange(call, AdminKey)

    def delete_admin_key(
        self, key_id: str, *, unless_used_within_s: int | None = None, claim: str | None = None
    ) -> Deleted | None:
        """Delete the admin key as `delete_key` does a key. Raises ConflictError `last_owner`."""
        filters = query(unless_used_within_s=unless_used_within_s, claim=claim)
        return self._delete(
            Call(f"delete admin key {key_id}", "DELETE", admin_key_path(key_id), query=filters)
        )

    def list_teams(self) -> list[Team]:
        """All teams, by name."""
        return self._exchange(Call("list teams", "GET", TEAMS), TeamPage).data

    def get_team(self, name: str) -> Team:
        """The team. Raises NotFoundError when there is none, and only then."""
        return self._exchange(Call(f"read team '{name}'", "GET", team_path(name)), Team)

    def put_team(self, name: str, team: TeamSettings, *, take_over: bool = False) -> Team:
        """Create the team, or replace its settings; another stack's as `update_key` does."""
        body = team.model_dump_json(exclude_none=True)
        filters = taking_over(take_over)
        call = Call(f"write team '{name}'", "PUT", team_path(name), query=filters, body=body)
        return self._exchange(call, Team)

    def delete_team(self, name: str, *, claim: str | None = None) -> Deleted | None:
        """Delete the team as `delete_key` does a key. Raises ConflictError while it has keys."""
        return self._delete(
            Call(f"delete team '{name}'", "DELETE", team_path(name), query=query(claim=claim))
        )

    def list_workload_identities(self) -> list[WorkloadIdentity]:
        """All workload identities, by name."""
        call = Call("list workload identities", "GET", WORKLOAD_IDENTITIES)
        return self._exchange(call, WorkloadIdentityPage).data

    def get_workload_identity(self, name: str) -> WorkloadIdentity:
        """The workload identity. Raises NotFoundError when there is none, and only then."""
        call = Call(f"read workload identity '{name}'", "GET", identity_path(name))
        return self._exchange(call, WorkloadIdentity)

    def put_workload_identity(
        self, name: str, identity: WorkloadIdentitySettings, *, take_over: bool = False
    ) -> WorkloadIdentity:
        """Create the workload identity, or replace its settings; another stack's as `update_key` does."""
        body = identity.model_dump_json(exclude_none=True)
        filters = taking_over(take_over)
        path = identity_path(name)
        call = Call(f"write workload identity '{name}'", "PUT", path, query=filters, body=body)
        return self._exchange(call, WorkloadIdentity)

    def delete_workload_identity(self, name: str, *, claim: str | None = None) -> Deleted | None:
        """Delete the workload identity, and with it its credentials, as `delete_key` does a key."""
        call = Call(
            f"delete workload identity '{name}'", "DELETE", identity_path(name), query=query(claim=claim)
        )
        return self._delete(call)

    def get_spend_policy(self) -> SpendPolicy:
        """The spending policy with its status. Raises NotFoundError when there is none, and only then."""
        return self._exchange(Call("read the spending policy", "GET", SPEND_POLICY), SpendPolicy)

    def put_spend_policy(self, policy: SpendPolicySettings, *, take_over: bool = False) -> SpendPolicy:
        """Create the spending policy, or replace it; another stack's as `update_key` does."""
        body = policy.model_dump_json(exclude_none=True)
        filters = taking_over(take_over)
        call = Call("write the spending policy", "PUT", SPEND_POLICY, query=filters, body=body)
        return self._exchange(call, SpendPolicy)

    def delete_spend_policy(self, *, claim: str | None = None) -> Deleted | None:
        """Delete the spending policy as `delete_key` does a key."""
        call = Call("delete the spending policy", "DELETE", SPEND_POLICY, query=query(claim=claim))
        return self._delete(call)

    def usage(self) -> Usage:
        """Today's and this month's usage, by key and in all."""
        return self._exchange(Call("read usage", "GET", USAGE), Usage)

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[UsageGroup] = (), key_id: str | None = None
    ) -> Iterator[UsageBucket]:
        """Usage of the UTC days `since` to `until` (both included) in groups, page by page, on demand."""
        call = Call("read past usage", "GET", USAGE_BUCKETS, query=_span(since, until, group_by, key_id))
        for page in self._history(call, UsagePage):
            yield from page.data

    def denials(
        self, *, since: date, until: date, group_by: Sequence[DenialGroup] = (), key_id: str | None = None
    ) -> Iterator[DenialBucket]:
        """Refused requests of the UTC days `since` to `until`, as `usage_buckets` gives usage."""
        call = Call("read denials", "GET", USAGE_DENIALS, query=_span(since, until, group_by, key_id))
        for page in self._history(call, DenialPage):
            yield from page.data

    def changes(self, limit: int) -> list[Change]:
        """The last changes (at most 100) of keys, teams, rights and the spending policy, newest first."""
        call = Call("read the last changes", "GET", CHANGES, query=query(limit=limit, action=",".join(ACTS)))
        return self._exchange(call, ChangePage).data

    def audit(self, **filters: str | None) -> Iterator[Change]:
        """All kept changes that match every filter given (`actor`, `object_id`, `kind`, `action` as one or,
        with commas, several, `since` and `until` as days), newest first, read page by page on demand.
        """
        call = Call("read changes", "GET", CHANGES, query=query(limit=PAGE_SIZE, **filters))
        while True:
            answer = self._transport.send(call)
            page = self._reader.model(call, answer, ChangePage)
            yield from page.data
            if not page.has_more or page.last_id is None:
                return
            before = int(call.query.get("before", page.last_id + 1))
            if page.last_id >= before:
                raise self._reader.unexpected(call, answer, "the pages go in circles")
            call = replace(call, query={**call.query, "before": str(page.last_id)})

    def _history(self, call: Call, model: type[PageT]) -> Iterator[PageT]:
        seen: set[str] = set()
        while True:
            answer = self._transport.send(call)
            page = self._reader.model(call, answer, model)
            yield page
            if page.next is None:
                return
            if page.next in seen:
                raise self._reader.unexpected(call, answer, "the pages go in circles")
            seen.add(page.next)
            call = replace(call, query={**call.query, "after": page.next})

    def models(self) -> list[Model]:
        """The models that the gateway serves."""
        return self._exchange(Call("list models", "GET", MODELS), ModelPage).data

    def _exchange(self, call: Call, model: type[ModelT]) -> ModelT:
        return self._reader.model(call, self._transport.send(call), model)

    def _delete(self, call: Call) -> Deleted | None:
        try:
            return self._exchange(call, Deleted)
        except NotFoundError:
            return None  # gone before, or deleted by an attempt whose answer was lost


def _span(since: date, until: date, group_by: Sequence[str], key_id: str | None) -> dict[str, str]:
    return query(
        since=since.isoformat(),
        until=until.isoformat(),
        group_by=",".join(group_by) or None,
        key_id=key_id,
        limit=LARGEST_HISTORY_PAGE,
    )
