"""What the resource classes register with the engine, seen through Pulumi's own mocks."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockResourceArgs, Mocks
from pydantic import BaseModel

from pulumi_groq import GroqApiKey, GroqSpendPolicy, GroqTeam
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.lifecycle.team import TeamState
from pulumi_groq.resources.declaration import declare, options_for


class Recording(Mocks):
    """Remembers what was registered."""

    def __init__(self) -> None:
        self.registered: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.registered.append(args)
        return f"{args.name}-id", {**args.inputs, "api_key": "pgq_value"}

    def call(self, args: Any) -> Any:
        raise AssertionError("nothing calls a function")


@pytest.fixture
def engine() -> Recording:
    """An engine that records."""
    mocks = Recording()
    pulumi.runtime.set_mocks(mocks, project="infra", stack="dev", preview=False)
    return mocks


def test_key_is_declared_with_its_place(engine: Recording) -> None:
    """A key carries its stack and its place in it; its name is the resource's where none is given."""

    @pulumi.runtime.test
    def declare() -> Any:
        return GroqApiKey("chatbot-prod", allowed_models=["openai/gpt-oss-20b"]).key_id

    declare()
    (registered,) = engine.registered
    assert registered.typ == "pulumi-python:dynamic/groq:GroqApiKey"
    assert registered.inputs["name"] == "chatbot-prod"
    assert registered.inputs["managed_by"].endswith("/infra/dev")
    assert registered.inputs["declared_as"] == "chatbot-prod"


def test_place_below_a_component_holds_its_type(engine: Recording) -> None:
    """Two resources of one name below different kinds of components have different places."""

    @pulumi.runtime.test
    def declare() -> Any:
        component = pulumi.ComponentResource("acme:service:Chatbot", "bot")
        options = pulumi.ResourceOptions(parent=component)
        return GroqApiKey("key", allowed_models=["openai/gpt-oss-20b"], opts=options).key_id

    declare()
    assert engine.registered[-1].inputs["declared_as"] == "acme:service:Chatbot$key"


@pytest.mark.parametrize(
    ("state", "secrets"),
    [
        (ApiKeyState, ["api_key"]),
        (SpendPolicyState, ["alert_webhook_signing_secret", "alert_webhook_urls"]),
        (TeamState, []),
    ],
)
def test_secret_outputs_follow_from_the_model(state: type[BaseModel], secrets: list[str]) -> None:
    """What the model marks as secret is a secret output."""
    assert options_for(state, None).additional_secret_outputs == secrets


def test_secret_arguments_are_wrapped() -> None:
    """A secret argument that the program passes in clear is a secret before it leaves the program."""
    declared = declare(SpendPolicyState, {"alert_webhook_urls": ["https://hooks.example.com/x"]})
    assert isinstance(declared["alert_webhook_urls"], pulumi.Output)


def test_unset_arguments_are_not_sent(engine: Recording) -> None:
    """What is not declared is not there, neither as null nor as a default."""

    @pulumi.runtime.test
    def declare() -> Any:
        return GroqTeam("research", allowed_models=["openai/gpt-oss-20b"]).team_name

    declare()
    (registered,) = engine.registered
    assert registered.inputs.keys() == {"allowed_models", "team_name", "__provider"}


def test_policy_is_declared(engine: Recording) -> None:
    """The policy's amounts reach the engine as they were written."""

    @pulumi.runtime.test
    def declare() -> Any:
        return GroqSpendPolicy("cap", monthly_cap_usd=500, alert_thresholds_usd=[100, 250, 400]).created_at

    declare()
    (registered,) = engine.registered
    assert registered.inputs["monthly_cap_usd"] == 500
    assert registered.inputs["alert_thresholds_usd"] == [100, 250, 400]
