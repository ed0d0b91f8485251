"""The admin plane in-process: a client with the admin key, a clock and a ledger that tests set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, get_args

import httpx
from anyio.from_thread import BlockingPortal

from fake_clock import FakeClock
from pulumi_groq.gateway.admin.handlers import Handlers
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.protocols import KeyUsageRow
from pulumi_groq.gateway.store.runaways import Runaway, insert_runaways
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.fields import usd
from pulumi_groq.models.role import AdminRole
from pulumi_groq.models.spend_policy import AlertSent
from pulumi_groq.models.usage import UsageTotals
from pulumi_groq.policy.access import Limits
from pulumi_groq.policy.roles import AdminIdentity

ADMIN_KEY = "admin-key-of-the-tests"
KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}
DEFAULTS = Limits(requests_per_minute=1_000, tokens_per_minute=250_000)


class RoleTokens:
    """A source of credentials: `ROLE` or `ROLE:TEAM,TEAM` is the token of a caller with that role."""

    def identify(self, sent: bytes) -> AdminIdentity | None:
        role, _, teams = sent.decode().partition(":")
        known: list[AdminRole] = [each for each in get_args(AdminRole) if each == role]
        named = frozenset(teams.split(",")) if teams else None
        return AdminIdentity(sent.decode(), known[0], named) if known else None

    def recall(self, actor_id: str, _subject: str | None) -> AdminIdentity | None:
        return self.identify(actor_id.encode())


ROLES = RoleTokens()


class SetUsage:
    """A ledger that holds what a test puts there."""

    def __init__(self) -> None:
        self.rows: dict[str, KeyUsageRow] = {}
        self.spent_micro_usd = 0
        self.alerts: list[AlertSent] = []
        self.cap_refuses = False

    def book(self, key_id: str, *, requests: int, tokens: int, cost_micro_usd: int, at: datetime) -> None:
        self.rows[key_id] = KeyUsageRow(
            key_id=key_id,
            requests_today=requests,
            tokens_today=tokens,
            cost_today_micro_usd=cost_micro_usd,
            last_used_at=at,
            month_to_date=UsageTotals(requests=requests, tokens=tokens, cost_usd=usd(cost_micro_usd)),
        )

    def usage_by_key(self, _now: datetime) -> Mapping[str, KeyUsageRow]:
        return self.rows

    def last_used_at(self, key_id: str) -> datetime | None:
        row = self.rows.get(key_id)
        return row.last_used_at if row else None

    def cap_has_refused(self, _now: datetime, _cap_micro_usd: int) -> bool:
        return self.cap_refuses

    def month_spend_micro_usd(self, _now: datetime) -> int:
        return self.spent_micro_usd

    def alerts_sent(self, _now: datetime) -> list[AlertSent]:
        return self.alerts


class SetPauses:
    """A guard that has paused what a test says; the store has it, too."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, Runaway] = {}
        self.spent_micro_usd = 0

    def pause(self, runaway: Runaway) -> None:
        self._found[runaway.lineage_id] = runaway
        with self._store.write() as connection:
            insert_runaways(connection, [runaway])

    def pause_of(self, lineage_id: str) -> Runaway | None:
        found = self._found.get(lineage_id)
        return found if found is not None and found.pauses else None

    def last_of(self, lineage_id: str) -> Runaway | None:
        return self._found.get(lineage_id)

    def spent(self, _lineage_id: str, _now: datetime) -> int:
        return self.spent_micro_usd

    def resumed(self, lineage_id: str) -> None:
        del self._found[lineage_id]


@dataclass
class Api:
    """The plane, its parts, and a client that carries the admin key."""

    app: Any
    portal: BlockingPortal
    store: Store
    directory: LiveDirectory
    clock: FakeClock
    usage: SetUsage
    pauses: SetPauses
    stop: Callable[[], None]
    handlers: Handlers
    refused: list[str]
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {ADMIN_KEY}"})

    def by(self, token: str) -> "Api":
        """The same plane, called with a credential of `RoleTokens`."""
        return replace(self, headers={"authorization": f"Bearer {token}"})

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; `path` is below `/openai/v1`."""
        headers = self.headers | arguments.pop("headers", {})
        return self.portal.call(partial(self._call, method, path, headers, **arguments))

    async def _call(self, method: str, path: str, headers: Any, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway/openai/v1") as client:
            return await client.request(method, path, headers=headers, **arguments)

    def create(self, *, idempotency_key: str | None = None, **fields: Any) -> httpx.Response:
        """POST a key: a plain one with `fields` over it."""
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        return self.call("POST", "/api-keys", json=KEY | fields, headers=headers)

    def created(self, **fields: Any) -> dict[str, Any]:
        """The answer to a create that must succeed."""
        response = self.create(**fields)
        assert response.status_code == 201, response.text
        key: dict[str, Any] = response.json()
        return key

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.call("GET", path, params=query)

    def patch(self, key_id: str, **fields: Any) -> httpx.Response:
        return self.call("PATCH", f"/api-keys/{key_id}", json=fields)

    def delete(self, path: str, **query: Any) -> httpx.Response:
        return self.call("DELETE", path, params=query)


def error_of(response: httpx.Response) -> tuple[int, str | None, str | None]:
    """Status, code and param of an error answer."""
    error = response.json()["error"]
    return response.status_code, error.get("code"), error.get("param")
