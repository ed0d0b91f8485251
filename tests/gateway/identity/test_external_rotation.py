"""Pulumi ESC's external rotator: its calls as documented, against the whole gateway."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from in_process_gateway import InProcessGateway, Wire, in_process_gateway
from oidc_issuer import DISCOVERY, JWKS, OidcIssuer
from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError
from pulumi_groq.gateway.admin.rotator_endpoint import BODY_LIMIT_BYTES, body_hash
from pulumi_groq.gateway.identity import issuer_keys
from pulumi_groq.gateway.identity.token_endpoint import MOST_REFUSED_OF_ONE_ADDRESS, TOKEN_EXCHANGE
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.team import TeamSettings
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings

RECORDED = json.loads((Path(__file__).parent / "esc_calls.json").read_text())
CLAIMS: dict[str, Any] = RECORDED["claims"]
FIRST: dict[str, Any] = RECORDED["first"]
MONTH = timedelta(days=30)
MODEL = "openai/gpt-oss-20b"


class Esc:
    """Pulumi Cloud, as far as the contract goes: calls the adapter, and keeps what it answers."""

    def __init__(self, gateway: InProcessGateway, issuer: OidcIssuer) -> None:
        self.state: dict[str, Any] | None = None
        self._gateway = gateway
        self._issuer = issuer
        self._calls = 0

    def token(self, body: bytes, **claims: Any) -> str:
        self._calls += 1
        now = self._gateway.now()
        stated = CLAIMS | {
            "iss": self._issuer.url,
            "exp": int(now.timestamp()) + RECORDED["lifetime_s"],
            "jti": f"a0eebc99-9c0b-4ef8-bb6d-{self._calls:012d}",
            "body_hash": body_hash(body),
        }
        return self._issuer.token(now, **stated | claims)

    def post(self, body: bytes, token: str, method: str = "POST") -> httpx.Response:
        headers = RECORDED["headers"] | {"authorization": f"Bearer {token}"}
        url = "http://gateway/openai/v1/auth/rotate"
        return self._gateway.answer(httpx.Request(method, url, headers=headers, content=body))

    def body(self, **request: Any) -> bytes:
        return json.dumps({"request": FIRST["request"] | request, "state": self.state}).encode()

    def call(self, **request: Any) -> httpx.Response:
        """One rotation, whose answer is not kept."""
        body = self.body(**request)
        return self.post(body, self.token(body))

    def rotate(self, **request: Any) -> dict[str, Any]:
        """One rotation; the new `current`."""
        answer = self.call(**request)
        assert answer.status_code == 200, answer.text
        current: dict[str, Any] = answer.json()
        self.state = current
        return current


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


@pytest.fixture
def admin(gateway: InProcessGateway, issuer: OidcIssuer) -> AdminClient:
    """An administrator who lets the recorded environment rotate keys."""
    client = Wire(gateway).client()
    client.put_workload_identity("esc", trusting(issuer))
    return client


@pytest.fixture
def esc(gateway: InProcessGateway, issuer: OidcIssuer, admin: AdminClient) -> Esc:
    return Esc(gateway, issuer)


def trusting(issuer: OidcIssuer, **settings: Any) -> WorkloadIdentitySettings:
    trust = {"issuer": issuer.url, "audience": CLAIMS["aud"], "claims": {"sub": CLAIMS["sub"]}}
    return WorkloadIdentitySettings.model_validate(trust | {"admin_role": "owner"} | settings)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_claim_is_the_documented_one() -> None:
    """The documentation's example of `body_hash` is that of an empty body."""
    assert body_hash(b"") == RECORDED["body_hash_of_nothing"]


def test_a_first_call_creates_the_key(esc: Esc, gateway: InProcessGateway, admin: AdminClient) -> None:
    """As the environment declares it, to which it then belongs; nothing on the way keeps the answer."""
    answer = esc.call()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    current = answer.json()
    assert current.keys() == {"key_id", "api_key", "rotated_at", "previous"}
    assert current["previous"] is None
    key = admin.get_key(current["key_id"])
    assert (key.name, key.requests_per_minute, key.managed_by) == ("chatbot-prod", 500, CLAIMS["sub"])
    assert gateway.chat(current["api_key"]) == 200


def test_two_keys_work_until_the_next_rotation(
    esc: Esc, gateway: InProcessGateway, admin: AdminClient
) -> None:
    """Whoever still holds the value before the present one is served; the one before that is gone."""
    values = []
    for _ in range(4):
        current = esc.rotate()
        values.append(current["api_key"])
        assert {gateway.chat(value) for value in values[-2:]} == {200}
        gateway.advance(MONTH)
    assert [gateway.chat(value) for value in values] == [401, 401, 200, 200]
    assert current["previous"]["api_key"] == values[-2]
    assert admin.get_key(current["key_id"]).generation == 4


def test_what_the_environment_declares_now_is_in_force(esc: Esc, admin: AdminClient) -> None:
    """A limit that changed in the environment comes with the next rotation."""
    esc.rotate()
    current = esc.rotate(requests_per_minute=700)
    assert admin.get_key(current["key_id"]).requests_per_minute == 700


def test_a_key_still_in_use_is_not_taken_away(esc: Esc, gateway: InProcessGateway) -> None:
    """The rotation is refused with its time, and both keys go on; later it goes through."""
    oldest = esc.rotate()["api_key"]
    gateway.advance(MONTH)
    second = esc.rotate()["api_key"]
    gateway.advance(MONTH)
    assert gateway.chat(oldest) == 200
    refused = esc.call()
    assert code(refused) == (409, "key_in_use")
    assert refused.json()["error"]["param"] == "request.quiet_hours"
    assert "/consumers" in refused.json()["error"]["message"]
    assert [gateway.chat(value) for value in (oldest, second)] == [200, 200]
    gateway.advance(timedelta(hours=7))
    assert code(esc.call()) == (409, "key_in_use")
    assert esc.rotate(quiet_hours=6)["previous"]["api_key"] == second


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_a_lost_answer_leaves_no_third_key(
    rotations: int, esc: Esc, gateway: InProcessGateway, admin: AdminClient
) -> None:
    """ESC asks again with the state it has and another token; the key whose value nobody has goes."""
    for _ in range(rotations):
        esc.rotate()
        gateway.advance(MONTH)
    held = esc.state
    assert esc.call().status_code == 200  # and the answer is lost
    current = esc.rotate()
    assert gateway.chat(current["api_key"]) == 200
    if held is not None:
        assert current["previous"] == {"key_id": held["key_id"], "api_key": held["api_key"]}
        assert gateway.chat(held["api_key"]) == 200
    assert len(list(admin.list_keys())) == 2
    gateway.advance(MONTH)
    assert esc.rotate()["previous"]["api_key"] == current["api_key"]


def test_the_same_call_again_gets_the_same_answer(esc: Esc, admin: AdminClient) -> None:
    """Whoever sends it once more, such as ESC after a broken connection, rotates nothing."""
    esc.rotate()
    body = esc.body()
    token = esc.token(body)
    first, second = esc.post(body, token), esc.post(body, token)
    assert first.status_code == 200
    assert first.json() == second.json()
    assert len(list(admin.list_keys())) == 2


def test_a_key_made_by_hand_is_taken_over(esc: Esc, gateway: InProcessGateway, admin: AdminClient) -> None:
    """An environment may begin with the state of an existing key, which then is the predecessor."""
    made = admin.create_key(ApiKeyCreate(name="old", allowed_models=[MODEL]), "by-hand").key
    esc.state = {"key_id": made.id, "api_key": made.api_key}
    current = esc.rotate()
    assert current["previous"] == {"key_id": made.id, "api_key": made.api_key}
    assert admin.get_key(current["key_id"]).lineage_id == made.id
    assert gateway.chat(made.api_key) == 200


def test_a_stacks_key_is_left_alone(esc: Esc, admin: AdminClient) -> None:
    """Its stack rotates it: two rotators of one key would each delete what the other hands out."""
    place = {"managed_by": "organization/infra/prod", "declared_as": "chatbot-prod"}
    body = ApiKeyCreate.model_validate({"name": "bot", "allowed_models": [MODEL]} | place)
    made = admin.create_key(body, "of-a-stack").key
    esc.state = {"key_id": made.id, "api_key": made.api_key}
    assert code(esc.call()) == (409, "held_elsewhere")
    assert [key.id for key in admin.list_keys()] == [made.id]


def test_a_key_deleted_elsewhere_is_made_again(
    esc: Esc, gateway: InProcessGateway, admin: AdminClient
) -> None:
    """Nobody's key works then, and the next rotation mends it."""
    gone = esc.rotate()["key_id"]
    admin.delete_key(gone)
    current = esc.rotate()
    assert current["previous"] is None
    assert gateway.chat(current["api_key"]) == 200
    with pytest.raises(NotFoundError):
        admin.get_key(gone)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"body_hash": None}, "body_hash"),
        ({"body_hash": body_hash(b"{}")}, "body_hash"),
        ({"body_hash": 7}, "body_hash"),
        ({"jti": None}, "jti"),
        ({"jti": "two words"}, "jti"),
        ({"jti": "x" * 201}, "jti"),
        ({"aud": "https://groq.example.com"}, "audience"),
        ({"aud": None}, "lacks one"),
        ({"exp": 1}, "expired"),
        ({"sub": "pulumi:environments:org:acme-corp:env:staging"}, "no workload identity"),
        ({"iss": "https://elsewhere.example.com"}, "issuer"),
    ],
)
def test_a_token_for_anything_else_is_refused(claims: Any, words: str, esc: Esc, admin: AdminClient) -> None:
    """One line says what is wrong with it, and nothing is rotated."""
    body = esc.body()
    answer = esc.post(body, esc.token(body, **claims))
    assert code(answer) == (401, "invalid_token")
    assert words in answer.json()["error"]["message"]
    assert list(admin.list_keys()) == []


def test_a_token_for_a_rotation_opens_nothing_else(esc: Esc, gateway: InProcessGateway) -> None:
    """It is not exchanged for a credential: it was signed for one body."""
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": esc.token(esc.body()),
    }
    answer = gateway.answer(httpx.Request("POST", "http://gateway/openai/v1/auth/token", data=form))
    assert answer.status_code == 400
    assert "one request alone" in answer.json()["error_description"]


@pytest.mark.parametrize(
    "settings",
    [
        {"admin_role": "team-admin", "role_teams": ["research"]},
        {"admin_role": "viewer"},
        {"admin_role": None, "allowed_models": [MODEL]},
    ],
)
def test_the_identity_needs_the_right_to_the_key(
    settings: Any, esc: Esc, admin: AdminClient, issuer: OidcIssuer
) -> None:
    """The role decides, as on the admin plane."""
    admin.put_team("research", TeamSettings(allowed_models=[MODEL]))
    admin.put_workload_identity("esc", trusting(issuer, **settings))
    assert code(esc.call()) == (403, "insufficient_role")
    assert list(admin.list_keys()) == []


def test_two_identities_are_one_too_many(esc: Esc, admin: AdminClient, issuer: OidcIssuer) -> None:
    """ESC cannot say which one to act as."""
    admin.put_workload_identity("esc-too", trusting(issuer))
    assert code(esc.call()) == (403, "ambiguous_identity")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[1]", 400),
        (b'{"request": {}, "state": null}', 400),
        (b'{"request": {"name": "a", "allowed_models": ["no-such-model"]}, "state": null}', 400),
        (b'{"request": {"name": "a", "allowed_models": ["a"], "x": 1}, "state": null}', 400),
        (b'{"request": {"name": "a", "allowed_models": ["a"]}, "state": {"key_id": 7}}', 400),
        (b" " * (BODY_LIMIT_BYTES + 1), 413),
    ],
)
def test_a_bad_body_is_one_line(body: bytes, status: int, esc: Esc, admin: AdminClient) -> None:
    """What is wrong and where; nothing is rotated."""
    answer = esc.post(body, esc.token(body))
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].count("\n") == 0
    assert list(admin.list_keys()) == []


def test_other_methods_are_not_served(esc: Esc) -> None:
    """405 names the one that is."""
    answer = esc.post(b"", "", "GET")
    assert (*code(answer), answer.headers["allow"]) == (405, "method_not_allowed", "POST")


def test_whoever_guesses_has_to_wait(esc: Esc) -> None:
    """As at the exchange of tokens, with which the count is shared."""
    for _ in range(MOST_REFUSED_OF_ONE_ADDRESS):
        assert esc.post(b"{}", "no-token").status_code == 401
    refused = esc.call()
    assert code(refused) == (429, "too_many_refusals")
    assert int(refused.headers["retry-after"]) > 0


def test_an_issuer_that_cannot_be_asked(esc: Esc, issuer: OidcIssuer) -> None:
    """503 with when to try again; ESC reports the rotation as failed."""
    issuer.answers[JWKS] = (500, b"")
    refused = esc.call()
    assert code(refused) == (503, "issuer_unreachable")
    assert refused.headers["retry-after"] == "30"


def test_keys_are_had_where_pulumi_documents_them(
    esc: Esc, issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an issuer without a discovery document, from the place that is documented for it."""
    monkeypatch.setattr(issuer_keys, "KEYS_ELSEWHERE", {issuer.url: issuer.url + JWKS})
    issuer.answers[DISCOVERY] = (404, b"")
    esc.rotate()
    assert issuer.asked == [JWKS]


def test_rotations_are_in_the_audit_trail(esc: Esc, admin: AdminClient) -> None:
    """Who: the environment; what: the keys that came and went; no value."""
    for _ in range(3):
        current = esc.rotate()
    changes = [change for change in admin.changes(20) if change.kind == "api_key"]
    assert [change.action for change in changes] == ["created", "deleted", "created", "created"]
    assert {change.subject for change in changes} == {CLAIMS["sub"]}
    assert current["api_key"] not in "".join(change.model_dump_json() for change in changes)
