"""Renames, moves, replacements and take-overs on the real engine, cut off and taken back."""

from collections.abc import Callable
from typing import Any

import pytest

from killed_runs import up_killed
from local_engine import BOTH_PACKAGES, Gateway, Stack
from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

PROGRAM = """\
import json
from pathlib import Path

import pulumi
from {package} import GroqApiKey, GroqSpendPolicy, GroqTeam

declared = json.loads((Path(__file__).parent / "declarations.json").read_text())
name, options = declared["name"], {}
if declared.get("alias"):
    options["aliases"] = [pulumi.Alias(parent=None)]
if declared.get("parent"):
    options["parent"] = pulumi.ComponentResource("acme:service:Chatbot", "bot")
opts = pulumi.ResourceOptions(**options)
models = ["openai/gpt-oss-120b"]
adopt = declared.get("adopt_existing", False)
cap_usd = declared.get("cap_usd", 50)
if name:
    GroqSpendPolicy(f"{name}-policy", monthly_cap_usd=cap_usd, adopt_existing=adopt, opts=opts)
    GroqTeam(f"{name}-team", team_name="web", allowed_models=models, adopt_existing=adopt, opts=opts)
    limits = {"requests_per_minute": declared.get("requests_per_minute", 500)}
    adopted = declared.get("adopt_key_id")
    GroqApiKey(f"{name}-key", name="web", allowed_models=models, adopt_key_id=adopted, **limits, opts=opts)
if declared.get("wrong"):
    GroqApiKey("wrong", allowed_models=["no-such/model"])
"""


def is_whole(client: AdminClient) -> bool:
    """Whether policy and team are there, and one key of that name."""
    try:
        policy, team = client.get_spend_policy(), client.get_team("web")
    except NotFoundError:
        return False
    whole = policy.monthly_cap_usd == 50 and team.allowed_models == ["openai/gpt-oss-120b"]
    return whole and len(list(client.list_keys(name="web"))) == 1


def is_empty(client: AdminClient) -> bool:
    """Whether nothing is left of it."""
    with pytest.raises(NotFoundError):
        client.get_spend_policy()
    return client.list_teams() == [] and list(client.list_keys()) == []


@pytest.fixture
def old(deployed: Callable[..., tuple[Gateway, Stack]]) -> tuple[Gateway, Stack]:
    """A gateway, and a stack that has declared one policy, one team and one key below the name `old`."""
    return deployed({"name": "old"}, program=PROGRAM)


@pytest.fixture
def prod(new_stack: Callable[..., Stack], package: str) -> Callable[[Gateway], Stack]:
    """Makes another stack of the same program, which has declared nothing yet."""
    return lambda gateway: new_stack(gateway, "prod", package=package, program=PROGRAM)


def urns(stack: Stack) -> list[str]:
    return [each["urn"] for each in stack.exported()["deployment"]["resources"] if ":Groq" in each["type"]]


def test_interrupted_rename_loses_nothing(old: tuple[Gateway, Stack]) -> None:
    """A run that fails between the creates and the deletes is finished by the next, which tells."""
    gateway, stack = old
    with gateway.client() as client:
        stack.declare(name="new", wrong=True)
        stack.fails_up()
        stack.declare(name="new")
        told = stack.up().output
        assert "the spending policy: kept, for it is now declared as 'new-policy'" in told
        assert "team 'web': kept, for it is now declared as 'new-team'" in told
        assert is_whole(client)
        assert "unchanged" in stack.up().output
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


def test_interrupted_rename_is_taken_back(old: tuple[Gateway, Stack]) -> None:
    """A program that is put back after a failed run keeps its policy, team and key."""
    gateway, stack = old
    stack.declare(name="new", wrong=True)
    stack.fails_up()
    stack.declare(name="old")
    stack.up()
    with gateway.client() as client:
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "new"},
        {"name": "old", "parent": True},
        {"name": "old", "parent": True, "alias": True},
    ],
    ids=["rename", "re-parent", "re-parent with an alias"],
)
def test_uninterrupted_change_of_place(old: tuple[Gateway, Stack], change: dict[str, Any]) -> None:
    """What moves within the stack lives on."""
    gateway, stack = old
    stack.declare(**change)
    stack.up()
    with gateway.client() as client:
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


def test_forced_replacement_keeps_everything(old: tuple[Gateway, Stack]) -> None:
    """`--replace` takes each object over from itself; a run that is killed before the deletes loses none."""
    gateway, stack = old
    forced = [f"--replace={urn}" for urn in urns(stack)]
    with gateway.client() as client:
        stack.up(*forced)
        assert is_whole(client)
        stack.declare(name="old", wrong=True)
        stack.fails_up(*forced)
        stack.declare(name="old")
        stack.up()
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


def test_target_renames_in_two_runs(old: tuple[Gateway, Stack]) -> None:
    """A rename whose creates and deletes are in different runs loses nothing."""
    gateway, stack = old
    stack.declare(name="new")
    new = [urn.replace("::old-", "::new-") for urn in urns(stack)]
    stack.up(*[f"--target={urn}" for urn in new])
    stack.up()
    with gateway.client() as client:
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


@pytest.mark.parametrize(("method", "handled"), [("PUT", True), ("DELETE", False), ("DELETE", True)])
def test_killed_between_creates_and_deletes(old: tuple[Gateway, Stack], method: str, handled: bool) -> None:
    """`kill -9` of the provider during a rename, while a request waits for its answer, loses nothing."""
    gateway, stack = old
    gateway.control("reset-counts")
    gateway.control("stall", path_prefix="/openai/v1/spend-policy", method=method, handled=handled)
    stack.declare(name="new")
    killed = up_killed(stack, lambda: gateway.requests().get(f"{method} /openai/v1/spend-policy"))
    gateway.control("cancel-orders")
    assert killed.code != 0, killed.output
    stack.up()
    with gateway.client() as client:
        assert is_whole(client)
        stack.destroy()
        assert is_empty(client)


def test_other_stack(old: tuple[Gateway, Stack], prod: Callable[[Gateway], Stack]) -> None:
    """Another stack takes policy and team over on request only; either may then go first."""
    gateway, first = old
    second = prod(gateway)
    second.declare(name="theirs")
    refused = second.fails_up().output
    assert "belongs to another stack (declared as 'old-policy' in organization/infra/dev)" in refused
    second.declare(name="theirs", adopt_existing=True)
    second.up()
    with gateway.client() as client:
        first.destroy()
        assert is_whole(client)
        second.destroy()
        assert is_empty(client)


def test_a_former_owner_changes_nothing(old: tuple[Gateway, Stack], prod: Callable[[Gateway], Stack]) -> None:
    """After a take-over of policy, team and key the former stack's updates are refused, unless it asks."""
    gateway, first = old
    second = prod(gateway)
    with gateway.client() as client:
        (key,) = client.list_keys()
        second.declare(name="theirs", adopt_existing=True, adopt_key_id=key.id)
        second.up()
        first.declare(name="old", cap_usd=60, requests_per_minute=600)
        refused = first.fails_up("--continue-on-error").output
        for what, declaration in (("The spending policy", "policy"), (f"API key {key.id}", "key")):
            owner = f"declared as 'theirs-{declaration}' in organization/infra/prod"
            assert f"{what} belongs to another stack ({owner}): to take it over, declare it with" in refused
        assert is_whole(client)
        assert client.get_key(key.id).requests_per_minute == 500
        taking = {"adopt_existing": True, "adopt_key_id": key.id}
        first.declare(name="old", cap_usd=60, requests_per_minute=600, **taking)
        first.up()
        taken = client.get_key(key.id)
        assert (taken.requests_per_minute, taken.managed_by) == (600, "organization/infra/dev")
        assert client.get_spend_policy().monthly_cap_usd == 60
        second.destroy()
        assert client.get_key(key.id).status == "active"
        first.destroy()
        assert is_empty(client)


NESTED = """\
import pulumi
from {package} import GroqApiKey


def chatbot(site, requests_per_minute):
    above = pulumi.ComponentResource(f"acme:site:{site}", site)
    bot = pulumi.ComponentResource("acme:service:Chatbot", "bot", opts=pulumi.ResourceOptions(parent=above))
    below = pulumi.ResourceOptions(parent=bot)
    limits = {"requests_per_minute": requests_per_minute}
    key = GroqApiKey("key", allowed_models=["openai/gpt-oss-20b"], **limits, opts=below)
    same = GroqApiKey("same", allowed_models=["openai/gpt-oss-20b"], opts=below)
    return [key.key_id, same.key_id]


pulumi.export("key_ids", [*chatbot("Shop", 100), *chatbot("Help", 200)])
"""


def test_components_of_one_kind_have_keys_of_their_own(
    gateway: Gateway, new_stack: Callable[..., Stack], package: str
) -> None:
    """Below different components, keys of one name are neither shared nor taken for one left behind."""
    stack = new_stack(gateway, package=package, program=NESTED)
    stack.up()
    with gateway.client() as client:
        assert sorted(stack.output("key_ids")) == sorted(key.id for key in client.list_keys())
    assert len(set(stack.output("key_ids"))) == 4
