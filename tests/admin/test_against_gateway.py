"""Every call of the client against the real gateway, with lost answers and refusals made to order."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from process_output import wait_for
from pulumi_groq import errors
from pulumi_groq.admin import AdminClient, AdminSettings, KeyListing
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

ADMIN_KEY = "adm-0123456789-secret"
MODELS = ["openai/gpt-oss-20b"]
KEYS = "/openai/v1/api-keys"


class Controls:
    """The gateway's test controls."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/__test__",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            timeout=60,
        )

    def order(self, name: str, **body: Any) -> None:
        self._http.post(f"/{name}", json=body).raise_for_status()

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self._http.get("/requests").json()["requests"]
        return counts

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    command = [sys.executable, "-c", "from pulumi_groq.cli import main; main()", "serve", "--port", "0"]
    command += ["--store", f"sqlite:///{folder}/gateway.db", "--test-controls"]
    with (
        (folder / "gateway.log").open("w") as log,
        subprocess.Popen(
            command, env={"GROQ_ADMIN_KEY": ADMIN_KEY}, stdout=subprocess.PIPE, stderr=log, text=True
        ) as gateway,
    ):
        try:
            yield wait_for(r"gateway listening on (\S+)", gateway.stdout)[1]
        finally:
            gateway.terminate()


@pytest.fixture
def controls(base_url: str) -> Iterator[Controls]:
    controls = Controls(base_url)
    controls.order("reset-counts")
    yield controls
    controls.close()


@pytest.fixture
def client(base_url: str) -> Iterator[AdminClient]:
    with AdminClient(AdminSettings(base_url, ADMIN_KEY), random=lambda: 0.0) as client:
        yield client


@pytest.fixture
def new_key(request: pytest.FixtureRequest) -> Callable[..., ApiKeyCreate]:
    """A key's declaration, owned by a stack of the test's own."""

    def build(name: str = "key", **fields: Any) -> ApiKeyCreate:
        owner = f"acme/groq/{request.node.name}"
        return ApiKeyCreate(name=name, managed_by=owner, allowed_models=MODELS, **fields)

    return build


def test_life_of_a_key(client: AdminClient, new_key: Any) -> None:
    """Create, read, update, list and delete agree with each other."""
    created = client.create_key(new_key(requests_per_minute=500, monthly_budget_usd=Decimal("2.5")), "life")
    key_id = created.key.id
    assert not created.replayed
    assert created.key.api_key.endswith(created.key.last_four)
    assert client.get_key(key_id).monthly_budget_usd == Decimal("2.5")
    update = ApiKeyUpdate(requests_per_minute="unlimited", monthly_budget_usd=None, disabled=True)
    updated = client.update_key(key_id, update)
    assert (updated.requests_per_minute, updated.monthly_budget_usd, updated.status) == (
        "unlimited",
        None,
        "disabled",
    )
    assert list(client.list_keys(managed_by=created.key.managed_by, name="key")) == [updated]
    assert client.snapshot(lineage_id=created.key.lineage_id).keys == {key_id: updated}
    client.delete_key(key_id, unless_used_within_s=3600)
    client.delete_key(key_id)
    with pytest.raises(errors.NotFoundError) as caught:
        client.get_key(key_id)
    assert caught.value.code == "api_key_not_found"
    assert str(caught.value.request_id) in str(caught.value)


def test_lost_answer_of_a_create_loses_nothing(client: AdminClient, controls: Controls, new_key: Any) -> None:
    """The create whose answer is cut off after the commit ends with one key and its value."""
    controls.order("lose-response", method="POST", path_prefix=KEYS)
    created = client.create_key(new_key(), "lost")
    assert created.replayed
    assert created.key.api_key.startswith("pgq_")
    assert [key.id for key in client.list_keys(managed_by=created.key.managed_by)] == [created.key.id]
    assert controls.counts()[f"POST {KEYS}"] == 2


def test_lost_answer_of_a_delete_is_success(client: AdminClient, controls: Controls, new_key: Any) -> None:
    """The delete whose answer is cut off finds the key gone, and that is what was asked for."""
    key_id = client.create_key(new_key(), "delete").key.id
    controls.order("lose-response", method="DELETE", path_prefix=KEYS)
    client.delete_key(key_id)
    assert controls.counts()[f"DELETE {KEYS}/{{id}}"] == 2


def test_lost_answers_of_reads_and_updates_are_repeated(
    client: AdminClient, controls: Controls, new_key: Any
) -> None:
    """A read or an update whose answer is cut off is simply made again."""
    key_id = client.create_key(new_key(), "update").key.id
    controls.order("lose-response", times=2, path_prefix=f"{KEYS}/{key_id}")
    assert client.update_key(key_id, ApiKeyUpdate(tokens_per_minute=9)).tokens_per_minute == 9
    assert client.get_key(key_id).tokens_per_minute == 9


def test_server_that_fails_for_a_moment_is_outlasted(
    client: AdminClient, controls: Controls, new_key: Any
) -> None:
    """Failures and a limit, with and without a time to come back, do not reach the caller."""
    controls.order("fail", times=2, status=503, method="POST", path_prefix=KEYS)
    controls.order("fail", times=1, status=429, method="POST", path_prefix=KEYS, retry_after_s=0)
    assert not client.create_key(new_key(), "moment").replayed
    assert controls.counts()[f"POST {KEYS}"] == 4


def test_idempotency_key_of_another_body_is_refused(client: AdminClient, new_key: Any) -> None:
    """One idempotency key stands for one key."""
    client.create_key(new_key("first"), "reused")
    with pytest.raises(errors.ConflictError) as caught:
        client.create_key(new_key("second"), "reused")
    assert caught.value.code == "idempotency_key_reused"


def test_address_in_use_names_the_key(client: AdminClient, new_key: Any) -> None:
    """Who declares a key twice learns which key is there."""
    first = client.create_key(new_key(declared_as="urn:a"), "one").key
    with pytest.raises(errors.ConflictError) as caught:
        client.create_key(new_key(declared_as="urn:a"), "two")
    assert (caught.value.code, caught.value.key_id) == ("already_declared", first.id)


def test_refresh_of_many_keys_is_a_list(client: AdminClient, controls: Controls, new_key: Any) -> None:
    """120 keys are read with two requests."""
    made = [client.create_key(new_key(f"key-{number}"), f"many-{number}").key for number in range(120)]
    controls.order("reset-counts")
    listing = KeyListing(client)
    assert [listing.get(key.id, key.managed_by).name for key in made] == [key.name for key in made]
    assert controls.counts() == {f"GET {KEYS}": 2}


@pytest.mark.parametrize("name", ["research", "a/b", "..", "50 % & more?#", "é"])
def test_life_of_a_team(name: str, client: AdminClient) -> None:
    """A team of any name is written, read, listed and deleted under exactly that name."""
    written = client.put_team(name, TeamSettings(allowed_models=MODELS))
    assert written.name == name
    assert client.get_team(name) == written
    assert written in client.list_teams()
    client.delete_team(name)
    client.delete_team(name)
    with pytest.raises(errors.NotFoundError):
        client.get_team(name)


def test_team_with_keys_stays(client: AdminClient, new_key: Any) -> None:
    """A team that has keys is not deleted, and a key needs its team to exist."""
    client.put_team("in-use", TeamSettings(allowed_models=MODELS))
    client.create_key(new_key(team="in-use"), "team")
    with pytest.raises(errors.ConflictError) as caught:
        client.delete_team("in-use")
    assert caught.value.code == "team_in_use"
    with pytest.raises(errors.InvalidRequestError) as refused:
        client.create_key(new_key(team="nobody"), "no-team")
    assert (refused.value.code, refused.value.param) == ("team_not_found", "team")


def test_life_of_the_spending_policy(client: AdminClient) -> None:
    """The policy is written, read with its status, and deleted."""
    policy = SpendPolicySettings.model_validate({"monthly_cap_usd": 500, "alert_thresholds_usd": [100, 400]})
    written = client.put_spend_policy(policy)
    assert written.status.remaining_usd == 500
    assert client.get_spend_policy().alert_thresholds_usd == [100, 400]
    client.delete_spend_policy()
    client.delete_spend_policy()
    with pytest.raises(errors.NotFoundError):
        client.get_spend_policy()


def test_usage_and_models_are_read(client: AdminClient, new_key: Any) -> None:
    """A new key has a row of zeros, and the models of the catalogue are listed."""
    key = client.create_key(new_key(), "usage").key
    rows = {row.key_id: row for row in client.usage().usage_by_key}
    assert (rows[key.id].key_name, rows[key.id].requests_today) == ("key", 0)
    assert "openai/gpt-oss-20b" in [model.id for model in client.models()]


def test_wrong_admin_key_says_what_to_set(base_url: str) -> None:
    """A wrong admin key gives Groq's 401, and the line names the setting."""
    with (
        AdminClient(AdminSettings(base_url, "adm-wrong")) as client,
        pytest.raises(errors.InvalidApiKeyError) as caught,
    ):
        client.usage()
    assert "Invalid API Key (401 invalid_api_key" in str(caught.value)
    assert "correct the admin key: give AdminSettings another admin_key" in str(caught.value)


def test_address_that_is_not_the_admin_api_does_not_mean_gone(base_url: str) -> None:
    """With a wrong path in the address, every key answers 404, and none of them is taken for deleted."""
    with AdminClient(AdminSettings(f"{base_url}/elsewhere", ADMIN_KEY)) as client:
        for operate in (client.get_key, client.delete_key):
            with pytest.raises(errors.UnexpectedAnswerError, match="unknown_url"):
                operate("key_01000000000000000000000001")
