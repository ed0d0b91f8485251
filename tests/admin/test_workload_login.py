"""A client without a key: its platform's token is exchanged, renewed and never shown."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from in_process_gateway import InProcessGateway, Wire, in_process_gateway
from oidc_issuer import AUDIENCE, SUBJECT, OidcIssuer, oidc_issuer
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.errors import ConfigurationError, GroqError, NoAnswerError
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings

BASE_URL = "http://gateway"
REQUEST_URL = "https://vstoken.example.com/token?api-version=2.0"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as serving:
        yield serving


@pytest.fixture
def identity(gateway: InProcessGateway, issuer: OidcIssuer) -> str:
    """The name of an identity that trusts the issuer."""
    trust = {"issuer": issuer.url, "audience": AUDIENCE, "claims": {"sub": SUBJECT}, "credential_minutes": 5}
    settings = WorkloadIdentitySettings.model_validate(trust | {"admin_role": "owner"})
    Wire(gateway).client().put_workload_identity("ci", settings)
    return "ci"


class Platform(httpx.BaseTransport):
    """GitHub's token service beside the gateway; `answers` replaces what either path answers."""

    def __init__(self, gateway: InProcessGateway, issuer: OidcIssuer) -> None:
        self._gateway = gateway
        self._issuer = issuer
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, Callable[[httpx.Request], httpx.Response]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.get(request.url.path)
        if answer is not None:
            return answer(request)
        if request.url.host == "vstoken.example.com":
            assert request.headers["authorization"] == "Bearer request-token"
            audience = parse_qs(request.url.query.decode())["audience"][0]
            return httpx.Response(200, json={"value": self._issuer.token(self._gateway.now(), aud=audience)})
        return self._gateway.answer(request)

    @property
    def exchanges(self) -> int:
        """How often a token was exchanged."""
        return sum(request.url.path == "/openai/v1/auth/token" for request in self.asked)


@pytest.fixture
def platform(gateway: InProcessGateway, issuer: OidcIssuer, identity: str) -> Platform:
    return Platform(gateway, issuer)


def client(platform: Platform, gateway: InProcessGateway, environment: dict[str, str]) -> AdminClient:
    settings = AdminSettings.from_environment({"GROQ_ADMIN_BASE_URL": BASE_URL} | environment)
    return AdminClient(
        settings,
        transport=platform,
        clock=lambda: gateway.now().timestamp(),
        sleep=lambda span_s: gateway.advance(timedelta(seconds=span_s)),
        backoff=Backoff(most_attempts=2),
    )


GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": REQUEST_URL,
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    "GROQ_ADMIN_OIDC_AUDIENCE": AUDIENCE,
}


def test_a_job_of_github_actions_needs_no_secret(platform: Platform, gateway: InProcessGateway) -> None:
    """The request variables of the job are enough; one exchange serves many calls."""
    admin = client(platform, gateway, GITHUB)
    for _ in range(3):
        assert admin.list_teams() == []
    assert platform.exchanges == 1
    assert b"api-version=2.0" in platform.asked[0].url.query


def test_the_audience_is_the_gateways_address_unless_set(
    platform: Platform, gateway: InProcessGateway
) -> None:
    """A token for any other service would be worth something elsewhere."""
    environment = {name: value for name, value in GITHUB.items() if "AUDIENCE" not in name}
    with pytest.raises(ConfigurationError, match="another audience"):
        client(
            platform, gateway, environment | {"GROQ_ADMIN_BASE_URL": f"{BASE_URL}/openai/v1/"}
        ).list_teams()
    assert parse_qs(platform.asked[0].url.query.decode())["audience"] == [BASE_URL]


def test_a_long_run_renews_its_credential_from_the_file(
    platform: Platform, gateway: InProcessGateway, issuer: OidcIssuer, tmp_path: Path
) -> None:
    """The file is read for each exchange, as platforms write it anew; none comes too late."""
    file = tmp_path / "token"
    admin = client(platform, gateway, {"GROQ_ADMIN_OIDC_TOKEN_FILE": str(file)})
    for _ in range(10):
        file.write_text(issuer.token(gateway.now()) + "\n")
        assert admin.list_teams() == []
        gateway.advance(timedelta(minutes=2))
    assert platform.exchanges == 5


def test_a_token_that_cannot_be_renewed_ends_with_its_credential(
    platform: Platform, gateway: InProcessGateway, issuer: OidcIssuer, tmp_path: Path
) -> None:
    """As long as the credential is good, a failed renewal disturbs nobody; then it is told in one line."""
    file = tmp_path / "token"
    file.write_text(issuer.token(gateway.now(), exp=int(gateway.now().timestamp()) + 60))
    admin = client(platform, gateway, {"GROQ_ADMIN_OIDC_TOKEN_FILE": str(file)})
    assert admin.list_teams() == []
    gateway.advance(timedelta(minutes=4, seconds=30))
    assert admin.list_teams() == []
    gateway.advance(timedelta(minutes=1))
    with pytest.raises(ConfigurationError, match="it has expired") as refused:
        admin.list_teams()
    assert "\n" not in str(refused.value)


def test_a_credential_that_was_ended_early_is_renewed_once(
    platform: Platform, gateway: InProcessGateway, identity: str
) -> None:
    """A change of the identity ends its credentials; a run that is let in again goes on."""
    owner = Wire(gateway).client()
    admin = client(platform, gateway, GITHUB)
    assert admin.list_teams() == []
    settings = owner.get_workload_identity(identity)
    declared = WorkloadIdentitySettings.model_validate(
        settings.model_dump(include=set(WorkloadIdentitySettings.model_fields))
        | {"claims": {"aud": AUDIENCE}}
    )
    owner.put_workload_identity(identity, declared)
    assert admin.list_teams() == []
    assert platform.exchanges == 2
    owner.delete_workload_identity(identity)
    with pytest.raises(ConfigurationError, match="no workload identity trusts its issuer"):
        admin.list_teams()


@pytest.mark.parametrize(
    ("path", "answer", "error", "words"),
    [
        ("/token", httpx.Response(403), ConfigurationError, "id-token: write"),
        ("/token", httpx.Response(200, json={"value": 5}), ConfigurationError, "id-token: write"),
        ("/token", httpx.Response(500), NoAnswerError, "GitHub gives no token now"),
        ("/openai/v1/auth/token", httpx.Response(404, text="<html>"), ConfigurationError, "status 404"),
        ("/openai/v1/auth/token", httpx.Response(200, json={}), ConfigurationError, "correct the address"),
        ("/openai/v1/auth/token", httpx.Response(503), NoAnswerError, "no credential now"),
        (
            "/openai/v1/auth/token",
            httpx.Response(400, json={"error": "x", "error_description": "eyJhbGci.eyJpc3M.c2ln no\nline"}),
            ConfigurationError,
            "did not accept",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(
    platform: Platform,
    gateway: InProcessGateway,
    path: str,
    answer: httpx.Response,
    error: type[GroqError],
    words: str,
) -> None:
    """It says who refused and what to do, and holds no token."""
    content = answer.content
    platform.answers[path] = lambda _: httpx.Response(
        answer.status_code, headers=answer.headers, content=content
    )
    with pytest.raises(error, match=words) as refused:
        client(platform, gateway, GITHUB).list_teams()
    message = str(refused.value)
    assert "\n" not in message
    assert not any(secret in message for secret in ("eyJ", "request-token", "pgqt_"))


def test_a_passing_failure_of_the_exchange_is_tried_again(
    platform: Platform, gateway: InProcessGateway
) -> None:
    """As one of the call itself would be."""
    failures = [httpx.Response(503), httpx.Response(502)]

    def once(request: httpx.Request) -> httpx.Response:
        del platform.answers[request.url.path]
        return failures.pop()

    platform.answers["/openai/v1/auth/token"] = once
    assert client(platform, gateway, GITHUB).list_teams() == []


@pytest.mark.parametrize("content", [None, "", "  \n", "two words", "x" * 20_000, "\xe9"])
def test_a_file_without_a_token_is_named(
    platform: Platform, gateway: InProcessGateway, tmp_path: Path, content: str | None
) -> None:
    """The message has the setting and the file, and nothing of what is in it."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="GROQ_ADMIN_OIDC_TOKEN_FILE: ") as refused:
        client(platform, gateway, {"GROQ_ADMIN_OIDC_TOKEN_FILE": str(file)}).list_teams()
    assert str(file) in str(refused.value)
    assert "xxx" not in str(refused.value)
    assert platform.asked == []


def test_a_key_goes_before_a_token(platform: Platform, gateway: InProcessGateway) -> None:
    """Whoever gives a key means it."""
    settings = AdminSettings.from_environment(
        GITHUB | {"GROQ_ADMIN_BASE_URL": BASE_URL, "GROQ_ADMIN_KEY": "a-key"}
    )
    assert (settings.admin_key, settings.workload) == ("a-key", None)


def test_a_stack_may_name_file_and_identity(tmp_path: Path) -> None:
    """The configuration goes before the environment, as for every setting."""
    configured = {"baseUrl": BASE_URL, "oidcTokenFile": "token", "workloadIdentity": "deploy"}
    settings = AdminSettings.found(configured.get, GITHUB | {"GROQ_ADMIN_WORKLOAD_IDENTITY": "other"})
    assert settings.workload is not None
    assert (settings.workload.token_file, settings.workload.identity) == ("token", "deploy")
    assert settings.workload.request_token == ""


def test_without_key_and_token_both_ways_are_told() -> None:
    """One line."""
    with pytest.raises(ConfigurationError, match=r"GROQ_ADMIN_KEY.* is missing.*GROQ_ADMIN_OIDC_TOKEN_FILE"):
        AdminSettings.from_environment({"GROQ_ADMIN_BASE_URL": BASE_URL})


def test_a_token_is_requested_over_https_only() -> None:
    """The job's request token is a secret."""
    environment = GITHUB | {
        "GROQ_ADMIN_BASE_URL": BASE_URL,
        "ACTIONS_ID_TOKEN_REQUEST_URL": "http://example.com",
    }
    with pytest.raises(ConfigurationError, match="no https URL"):
        AdminSettings.from_environment(environment)


def test_settings_show_no_secret() -> None:
    """Neither the key nor GitHub's request token."""
    settings = AdminSettings.from_environment(GITHUB | {"GROQ_ADMIN_BASE_URL": BASE_URL})
    assert "request-token" not in repr(settings)
    assert "request-token" not in json.dumps(str(settings))
