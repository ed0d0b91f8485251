"""The whole way: an issuer's token, the exchange, and what the credential opens on either plane."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from in_process_gateway import ADMIN_KEY, MODEL, InProcessGateway, Wire, in_process_gateway
from oidc_issuer import AUDIENCE, JWKS, SUBJECT, OidcIssuer
from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import ConflictError, NotFoundError
from pulumi_groq.gateway.identity.exchange import MOST_SUBJECTS
from pulumi_groq.gateway.identity.token_endpoint import (
    BODY_LIMIT_BYTES,
    MOST_REFUSED_OF_ONE_ADDRESS,
    TOKEN_EXCHANGE,
)
from pulumi_groq.models.team import TeamSettings
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings

FORM = {
    "grant_type": TOKEN_EXCHANGE,
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


@pytest.fixture
def admin(gateway: InProcessGateway) -> AdminClient:
    return Wire(gateway).client()


def trusting(issuer: OidcIssuer, /, **settings: Any) -> WorkloadIdentitySettings:
    trust = {"issuer": issuer.url, "audience": AUDIENCE, "claims": {"sub": SUBJECT}}
    return WorkloadIdentitySettings.model_validate(trust | settings)


def posted(gateway: InProcessGateway, form: Any, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/x-www-form-urlencoded", **headers}
    body = form if isinstance(form, bytes) else urlencode(form)
    return gateway.answer(
        httpx.Request("POST", "http://gateway/openai/v1/auth/token", headers=sent, content=body)
    )


def exchanged(gateway: InProcessGateway, issuer: OidcIssuer, **claims: Any) -> httpx.Response:
    return posted(gateway, FORM | {"subject_token": issuer.token(gateway.now(), **claims)})


def credential(gateway: InProcessGateway, issuer: OidcIssuer, **claims: Any) -> str:
    answer = exchanged(gateway, issuer, **claims)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def status_of(gateway: InProcessGateway, token: str, path: str = "/openai/v1/teams") -> int:
    headers = {"authorization": f"Bearer {token}"}
    return gateway.answer(httpx.Request("GET", f"http://gateway{path}", headers=headers)).status_code


def test_the_answer_has_the_shape_of_rfc_8693(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """A bearer token with its kind and its time, which nothing on the way may keep."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer", credential_minutes=5))
    answer = exchanged(gateway, issuer)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.pop("access_token").startswith("pgqt_")
    assert body == {
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 300,
    }


def test_a_credential_opens_the_admin_plane_for_its_time(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """It works until it ends, and it is no key of the inference plane."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    token = credential(gateway, issuer)
    assert status_of(gateway, token) == 200
    assert gateway.chat(token) == 401
    gateway.advance(timedelta(minutes=15))
    assert status_of(gateway, token) == 401


def test_a_credential_opens_the_inference_plane_within_its_policy(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Models and limits are the identity's, for all its subjects together; the admin plane stays shut."""
    admin.put_team("ops", TeamSettings(allowed_models=[MODEL]))
    policy = {"allowed_models": [MODEL], "team": "ops", "requests_per_minute": 2}
    patterns = {"sub": "repo:acme/*:ref:refs/heads/main"}
    admin.put_workload_identity("app", trusting(issuer, claims={}, claim_patterns=patterns, **policy))
    first = credential(gateway, issuer)
    second = credential(gateway, issuer, sub="repo:acme/web:ref:refs/heads/main")
    assert [gateway.chat(first), gateway.chat(second), gateway.chat(first)] == [200, 200, 429]
    assert status_of(gateway, first) == 401
    gateway.advance(timedelta(minutes=15))
    assert gateway.chat(first) == 401


def test_usage_is_booked_under_identity_and_subject(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Each subject has its own line, which stays when the identity is gone; the sums agree."""
    patterns = {"sub": "repo:acme/*:ref:refs/heads/main"}
    settings = trusting(issuer, claims={}, claim_patterns=patterns, allowed_models=[MODEL])
    admin.put_workload_identity("app", settings)
    other = "repo:acme/web:ref:refs/heads/main"
    tokens = credential(gateway, issuer), credential(gateway, issuer, sub=other)
    assert [gateway.chat(token) for token in (*tokens, tokens[0])] == [200, 200, 200]
    expected = {f"app: {SUBJECT}": 2, f"app: {other}": 1}

    def booked() -> dict[str, int]:
        usage = admin.usage()
        assert usage.month_to_date.requests == 3
        return {each.key_name: each.month_to_date.requests for each in usage.usage_by_key}

    assert booked() == expected
    admin.delete_workload_identity("app")
    assert booked() == expected


def test_the_budget_is_the_identitys(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Another subject does not begin again with a full one."""
    patterns = {"sub": "repo:*"}
    settings = trusting(
        issuer, claims={}, claim_patterns=patterns, allowed_models=[MODEL], monthly_budget_usd=0.00003
    )
    admin.put_workload_identity("app", settings)
    statuses = set()
    for number in range(20):
        statuses.add(gateway.chat(credential(gateway, issuer, sub=f"repo:{number}")))
    assert statuses == {200, 400}


EVERY_REPOSITORY = {"claims": {}, "claim_patterns": {"sub": "repo:*"}, "allowed_models": [MODEL]}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"budgets": [{"usd": 0.00003, "per": "hour"}]}, "key_budget_exceeded"),
        ({"model_limits": {MODEL: {"budget_usd": 0.00003}}}, "key_budget_exceeded"),
        ({"model_limits": {MODEL: {"requests_per_day": 3}}}, "rate_limit_exceeded"),
    ],
)
def test_an_identity_has_the_limits_of_a_key(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, limits: Any, code: str
) -> None:
    """Budgets by window and limits of models hold all its subjects together, and usage says what is left."""
    admin.put_workload_identity("app", trusting(issuer, **EVERY_REPOSITORY, **limits))
    tokens = [credential(gateway, issuer, sub=f"repo:{number}") for number in range(2)]
    refused = next(
        answer
        for answer in (gateway.chat_answer(token) for _ in range(20) for token in tokens)
        if answer.status_code != 200
    )
    assert refused.json()["error"]["code"] == code
    (window,) = limits.get("budgets") or [None]
    if window is None:
        return

    def spent() -> list[Decimal]:
        return [use.spent_usd for row in admin.usage().usage_by_key for use in row.budgets]

    rows = admin.usage().usage_by_key
    assert {row.identity for row in rows} == {"app"}
    assert {(use.per, use.budget_usd) for row in rows for use in row.budgets} == {
        ("hour", Decimal("0.00003"))
    }
    total = admin.usage().month_to_date.cost_usd
    assert next(found for found in iter(spent, None) if found == [total, total])
    gateway.advance(timedelta(minutes=14, seconds=59))
    assert gateway.chat(tokens[0]) == 400


def test_runaway_spend_pauses_the_identity_and_its_id_resumes_it(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """All its subjects together are watched and refused; the refusal says what to resume."""
    guard = {"spend_usd_per_10_min": 0.00003}
    made = admin.put_workload_identity("app", trusting(issuer, **EVERY_REPOSITORY, runaway=guard))
    tokens = [credential(gateway, issuer, sub=f"repo:{number}") for number in range(2)]
    answers = (gateway.chat_answer(token) for _ in range(10_000) for token in tokens)
    refused = next(answer for answer in answers if answer.status_code != 200).json()["error"]
    assert refused["code"] == "key_paused_runaway"
    assert refused["message"].startswith("This workload identity is paused since")
    assert f"pulumi-groq keys resume {made.id}" in refused["message"]
    assert [gateway.chat(token) for token in tokens] == [400, 400]
    paused = admin.get_workload_identity("app").paused
    assert paused is not None
    watches = [row.runaway for row in admin.usage().usage_by_key]
    assert [watch and watch.paused for watch in watches] == [paused, paused]
    assert admin.resume_workload_identity(made.id).paused is None
    assert gateway.chat(tokens[0]) == 200
    told = [(each.kind, each.object_id, each.name, each.action) for each in admin.changes(2)]
    assert told == [("workload_identity", made.id, "app", action) for action in ("resumed", "paused")]


def test_an_identity_that_does_not_exist_is_not_resumed(admin: AdminClient) -> None:
    """As of a key: 404."""
    with pytest.raises(NotFoundError):
        admin.resume_workload_identity("wid_01")


def test_a_credential_dies_with_its_identity_and_with_its_trust(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """A deleted identity, one that was made anew, and one that trusts other tokens: none keeps the old ones.
    What only changes its rights keeps them, with the new rights.
    """
    for settings in (trusting(issuer, admin_role="viewer"), trusting(issuer, allowed_models=[MODEL])):

        def works(token: str) -> bool:
            return 200 in (status_of(gateway, token), gateway.chat(token))

        admin.put_workload_identity("ci", settings)
        token = credential(gateway, issuer)
        assert works(token)
        longer = settings.model_copy(update={"credential_minutes": 60})
        admin.put_workload_identity("ci", longer)
        assert works(token)
        narrower = settings.model_copy(update={"claims": {"sub": SUBJECT, "environment": "prod"}})
        admin.put_workload_identity("ci", narrower)
        assert not works(token)
        admin.put_workload_identity("ci", settings)
        assert works(token)
        admin.delete_workload_identity("ci")
        assert not works(token)
        admin.put_workload_identity("ci", settings)
        assert not works(token)
        admin.delete_workload_identity("ci")


def test_an_identity_may_move_between_the_planes(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Its credentials follow what it is for at the moment."""
    admin.put_workload_identity("ci", trusting(issuer, allowed_models=[MODEL]))
    token = credential(gateway, issuer)
    assert (gateway.chat(token), status_of(gateway, token)) == (200, 401)
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    assert (gateway.chat(token), status_of(gateway, token)) == (401, 200)


def test_credentials_and_identities_outlive_a_restart(tmp_path: Path, issuer: OidcIssuer) -> None:
    """Nothing of a credential is stored, and nothing of it is lost."""
    tokens: list[str] = []
    for _ in range(2):
        with in_process_gateway(tmp_path) as gateway:
            if not tokens:
                admin = Wire(gateway).client()
                admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
                admin.put_workload_identity("app", trusting(issuer, allowed_models=[MODEL], audience="app"))
                tokens = [credential(gateway, issuer), credential(gateway, issuer, aud="app")]
            assert status_of(gateway, tokens[0]) == 200
            assert gateway.chat(tokens[1]) == 200


def test_what_several_identities_accept_needs_a_name(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """The gateway never chooses between a viewer and an owner."""
    admin.put_workload_identity("preview", trusting(issuer, admin_role="viewer", credential_minutes=5))
    admin.put_workload_identity("deploy", trusting(issuer, admin_role="owner", credential_minutes=10))
    token = issuer.token(gateway.now())
    refused = posted(gateway, FORM | {"subject_token": token})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    for name, lifetime_s in (("preview", 300), ("deploy", 600)):
        answer = posted(gateway, FORM | {"subject_token": token, "audience": name})
        assert answer.json()["expires_in"] == lifetime_s
    assert posted(gateway, FORM | {"subject_token": token, "audience": "none"}).status_code == 400


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject_token_type": FORM["subject_token_type"], "subject_token": "x"}, "invalid_request"),
        (FORM | {"grant_type": "client_credentials", "subject_token": "x"}, "unsupported_grant_type"),
        (FORM, "invalid_request"),
        (FORM | {"subject_token": ""}, "invalid_request"),
        (FORM | {"subject_token": "x", "subject_token_type": "saml"}, "invalid_request"),
        (FORM | {"subject_token": "x", "requested_token_type": "jwt"}, "invalid_request"),
        (FORM | {"subject_token": "x", "actor_token": "y"}, "invalid_request"),
        (FORM | {"subject_token": "x", "scope": "all"}, "invalid_request"),
        (FORM | {"subject_token": "x.y.z"}, "invalid_request"),
        (b"subject_token=x&subject_token=y", "invalid_request"),
        (b"a=%ff", "invalid_request"),
        (b"\xff", "invalid_request"),
        (b"&".join(b"a%d=1" % number for number in range(21)), "invalid_request"),
    ],
)
def test_a_request_at_fault_is_told_so_in_the_shape_of_the_rfc(
    gateway: InProcessGateway, form: Any, error: str
) -> None:
    """Status 400, an error of RFC 6749 and words on it."""
    answer = posted(gateway, form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_bodies_and_methods_are_bounded(gateway: InProcessGateway) -> None:
    """No cost before credentials: other forms, larger bodies and compressed ones are not read."""
    assert posted(gateway, b"{}", **{"content-type": "application/json"}).status_code == 415
    assert posted(gateway, FORM, **{"content-encoding": "gzip"}).status_code == 415
    assert posted(gateway, b"x" * (BODY_LIMIT_BYTES + 1)).status_code == 413
    url = "http://gateway/openai/v1/auth/token"
    answer = gateway.answer(httpx.Request("GET", url))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "repo:acme/infra:pull_request"},
        {"aud": "https://elsewhere.example.com"},
        {"iss": "https://elsewhere.example.com"},
        {"exp": 0},
    ],
)
def test_a_token_that_does_not_fit_gets_nothing(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, claims: dict[str, Any]
) -> None:
    """The answer says why, and not which claims would fit."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    answer = exchanged(gateway, issuer, **claims)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert SUBJECT not in answer.text


def test_an_unreachable_issuer_is_a_passing_failure(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """The caller may try again, and does not count as one who guesses."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    issuer.answers[JWKS] = (503, b"")
    for _ in range(MOST_REFUSED_OF_ONE_ADDRESS + 1):
        answer = exchanged(gateway, issuer)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "30"


def test_refused_tokens_are_limited_by_address(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Twenty in five minutes; then even a good token has to wait."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    for _ in range(MOST_REFUSED_OF_ONE_ADDRESS):
        assert posted(gateway, FORM | {"subject_token": "a.b.c"}).status_code == 400
    answer = exchanged(gateway, issuer)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "301")
    gateway.advance(timedelta(seconds=301))
    assert exchanged(gateway, issuer).status_code == 200


@pytest.mark.parametrize("change", ["x", "", "pgq_", "Z"])
def test_a_made_up_credential_opens_nothing(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, change: str
) -> None:
    """A credential is sealed: any other text, and any changed one, is none."""
    admin.put_workload_identity("ci", trusting(issuer, admin_role="viewer"))
    token = credential(gateway, issuer)
    for made_up in (token[:30] + change + token[31:], token[:-6] + change, "pgqt_" + change):
        assert status_of(gateway, made_up) == 401


def test_tokens_and_credentials_are_nowhere(
    tmp_path: Path, issuer: OidcIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the store nor the log has them, nor do metrics; the log has the identity."""
    caplog.set_level(logging.DEBUG)
    with in_process_gateway(tmp_path) as gateway:
        admin = Wire(gateway).client()
        identity = admin.put_workload_identity("app", trusting(issuer, allowed_models=[MODEL]))
        token = issuer.token(gateway.now())
        issued = posted(gateway, FORM | {"subject_token": token}).json()["access_token"]
        assert gateway.chat(issued) == 200
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        metrics = gateway.answer(httpx.Request("GET", "http://gateway/metrics", headers=headers)).text
        assert 'pulumi_groq_token_exchanges_total{outcome="issued"} 1.0' in metrics
    assert identity.id in caplog.text
    told = [
        metrics,
        caplog.text,
        *(each.read_bytes().decode("latin-1") for each in tmp_path.rglob("*") if each.is_file()),
    ]
    for secret in (token, token.split(".")[2], issued, issued.removeprefix("pgqt_")):
        assert not any(secret in text for text in told)


def test_subjects_beyond_the_bound_are_booked_together(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can make up subjects fills neither the store nor the metrics."""
    assert MOST_SUBJECTS > 2
    monkeypatch.setattr("pulumi_groq.gateway.identity.exchange.MOST_SUBJECTS", 2)
    settings = trusting(issuer, claims={}, claim_patterns={"sub": "*"}, allowed_models=[MODEL])
    admin.put_workload_identity("app", settings)
    for subject in ("a", "b", "c", "d", "c"):
        assert gateway.chat(credential(gateway, issuer, sub=subject)) == 200
    booked = {each.key_name: each.month_to_date.requests for each in admin.usage().usage_by_key}
    assert booked == {"app: a": 1, "app: b": 1, "app: further subjects": 3}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"issuer": "https://10.0.0.1"}, "issuer_not_allowed"),
        ({"allowed_models": ["no-such-model"], "admin_role": None}, "model_not_priced"),
        ({"allowed_models": [MODEL], "admin_role": None, "team": "none"}, "team_not_found"),
        ({"admin_role": "team-admin", "role_teams": ["none"]}, "team_not_found"),
    ],
)
def test_what_cannot_work_is_not_stored(
    gateway: InProcessGateway, issuer: OidcIssuer, settings: dict[str, Any], code: str
) -> None:
    """An issuer inside the network, models without a price, teams that do not exist."""
    body = trusting(issuer, **{"admin_role": "viewer", **settings}).model_dump_json(exclude_none=True)
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    url = "http://gateway/openai/v1/workload-identities/ci"
    answer = gateway.answer(httpx.Request("PUT", url, headers=headers, content=body))
    assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (400, code)


def test_a_team_with_an_identity_stays(
    gateway: InProcessGateway, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """Deleting it would leave the identity without its bounds."""
    admin.put_team("ops", TeamSettings(allowed_models=[MODEL]))
    admin.put_workload_identity("app", trusting(issuer, allowed_models=[MODEL], team="ops"))
    with pytest.raises(ConflictError, match="ops still has workload identities"):
        admin.delete_team("ops")
    admin.delete_workload_identity("app")
    admin.delete_team("ops")
