"""Exchanges in the chain of changes: who was given what, who was refused, and how much of it is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from fake_clock import FakeClock
from in_process_gateway import MODEL, InProcessGateway, Wire, in_process_gateway
from oidc_issuer import AUDIENCE, SUBJECT, OidcIssuer
from pulumi_groq.admin import AdminClient
from pulumi_groq.gateway.identity import exchange_log
from pulumi_groq.gateway.identity.exchange_log import Attempt, ExchangeLog
from pulumi_groq.gateway.identity.token_endpoint import TOKEN_EXCHANGE
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.models.change_chain import verify
from pulumi_groq.models.role import AdminRole
from pulumi_groq.models.workload_identity import WorkloadIdentity, WorkloadIdentitySettings


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


@pytest.fixture
def admin(gateway: InProcessGateway) -> AdminClient:
    return Wire(gateway).client()


def declared(admin: AdminClient, issuer: OidcIssuer, **settings: Any) -> WorkloadIdentity:
    trust = {"issuer": issuer.url, "audience": AUDIENCE, "claims": {"sub": SUBJECT}, "admin_role": "viewer"}
    written = WorkloadIdentitySettings.model_validate({**trust, **settings})
    return admin.put_workload_identity("ci", written)


def exchanged(gateway: InProcessGateway, token: str) -> httpx.Response:
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": token,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    url = "http://gateway/openai/v1/auth/token"
    return gateway.answer(httpx.Request("POST", url, headers=headers, content=urlencode(form)))


def test_who_was_given_a_credential_is_written(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Identity, subject, role, address and request, in the same chain as every change."""
    identity = declared(admin, issuer, credential_minutes=30)
    answer = exchanged(gateway, issuer.token(gateway.now()))
    (entry,) = admin.audit(action="exchanged")
    assert (entry.actor, entry.subject, entry.role) == (identity.id, SUBJECT, "viewer")
    assert (entry.kind, entry.object_id, entry.name) == ("workload_identity", identity.id, "ci")
    assert (entry.request_id, entry.address) == (answer.headers["x-request-id"], "127.0.0.1")
    assert entry.after == {"credential_minutes": 30}
    kept = list(admin.audit())
    assert [each.action for each in kept] == ["exchanged", "created"]
    assert verify(reversed(kept)).problems == ()
    assert answer.json()["access_token"] not in str(kept)


@pytest.mark.parametrize(
    ("claims", "subject", "reason"),
    [
        ({"sub": "repo:evil/fork:pull_request"}, "repo:evil/fork:pull_request", "accepts its claims"),
        ({"aud": "https://other.example.com"}, None, "meant for another audience"),
        ({"sub": "a\0"}, None, "no text that could be written down"),
    ],
)
def test_who_was_refused_is_written(
    gateway: InProcessGateway,
    admin: AdminClient,
    issuer: OidcIssuer,
    claims: dict[str, Any],
    subject: str | None,
    reason: str,
) -> None:
    """With the reason, and the subject where the issuer really signed the token; nothing of the token."""
    declared(admin, issuer)
    token = issuer.token(gateway.now(), **claims)
    answer = exchanged(gateway, token)
    assert answer.status_code == 400
    (entry,) = admin.audit(action="refused")
    assert (entry.actor, entry.role, entry.object_id, entry.subject) == ("", "", "", subject)
    assert reason in str(entry.after["reason"])
    assert entry.request_id == answer.headers["x-request-id"]
    assert token.split(".")[1] not in entry.model_dump_json()


def test_refused_tokens_cannot_flood_the_record(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are written within an hour; the next entry tells how many were not."""
    monkeypatch.setattr(exchange_log, "MOST_REFUSED_AN_HOUR", 3)
    declared(admin, issuer)
    for _ in range(8):
        exchanged(gateway, "not.a.token")
    assert len(list(admin.audit(action="refused"))) == 3
    gateway.advance(timedelta(hours=1))
    exchanged(gateway, "not.a.token")
    newest, *_ = admin.audit(action="refused")
    assert newest.after["not_written_before"] == 5


def test_exchanges_of_one_identity_cannot_flood_the_record(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are served, whatever is written."""
    monkeypatch.setattr(exchange_log, "MOST_GRANTED_AN_HOUR", 2)
    declared(admin, issuer)
    token = issuer.token(gateway.now())
    assert [exchanged(gateway, token).status_code for _ in range(4)] == [200] * 4
    assert len(list(admin.audit(action="exchanged"))) == 2


def test_the_last_changes_leave_exchanges_out(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Otherwise a busy workload would hide who changed what."""
    declared(admin, issuer)
    exchanged(gateway, issuer.token(gateway.now()))
    assert [each.action for each in admin.changes(5)] == ["created"]


class StoreAway:
    """A store that does not answer, for a while."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    @contextmanager
    def write(self) -> Iterator[Any]:
        raise StoreUnavailableError("it does not answer")
        yield


def _identity(admin_role: AdminRole | None) -> IdentityRecord:
    now = FakeClock().now()
    return IdentityRecord(
        id="wid_1",
        name="ci",
        issuer="https://i.example.com",
        audience="a",
        claims={"sub": "s"},
        claim_patterns={},
        credential_minutes=15,
        admin_role=admin_role,
        role_teams=(),
        allowed_models=() if admin_role else (MODEL,),
        allowed_tools=(),
        team=None,
        requests_per_minute=None,
        tokens_per_minute=None,
        requests_per_day=None,
        tokens_per_day=None,
        monthly_budget_micro_usd=None,
        created_at=now,
        updated_at=now,
    )


async def test_no_role_is_given_unwritten() -> None:
    """While the store is away, a role on the admin plane has to wait, use of models has not."""
    log = ExchangeLog(StoreAway(), FakeClock())  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError):
        await log.granted(Attempt("", ""), _identity("viewer"), "s")
    await log.granted(Attempt("", ""), _identity(None), "s")
    await log.refused(Attempt("", ""), "it has expired", None)
