"""What the resource classes register with the engine, seen through Pulumi's own mocks."""

import subprocess
import sys
from functools import partial
from typing import Any

import pulumi
import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pydantic import BaseModel

from mocked_program import registrations
from pulumi_groq import GroqApiKey, GroqTeam
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.lifecycle.team import TeamState
from pulumi_groq.models.rotation import FreezeWindow, RotationSchedule
from pulumi_groq.resources.api_key import ApiKeyProvider
from pulumi_groq.resources.declaration import options_for
from pulumi_groq.resources.rotation_args import FreezeWindowArgs, RotationArgs

MANY_KEYS = """\
import asyncio
import pulumi
from pulumi.runtime.stack import wait_for_rpcs
from pulumi_groq import GroqApiKey

class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return f"{args.name}-id", args.inputs
    def call(self, args):
        raise AssertionError("nothing calls a function")

waited_for = [0]
wait = asyncio.wait
def counted(outputs, **options):
    waited_for.append(len(outputs))
    return wait(outputs, **options)

async def program():
    pulumi.runtime.set_mocks(Engine(), project="infra", stack="dev")
    for number in range(100):
        GroqApiKey(f"key-{number}", allowed_models=["openai/gpt-oss-20b"])
    asyncio.wait = counted
    await wait_for_rpcs()
    print(max(waited_for))

asyncio.run(program())
"""


def test_key_is_declared_with_its_place() -> None:
    """A key carries its stack and its place in it; its name is the resource's where none is given."""
    (key,) = registrations(
        "from pulumi_groq import GroqApiKey\n"
        "key = GroqApiKey('chatbot-prod', allowed_models=['openai/gpt-oss-20b'])\n"
    )
    assert key["type"] == "pulumi-python:dynamic/groq:GroqApiKey"
    assert key["inputs"]["name"] == "chatbot-prod"
    assert key["inputs"]["managed_by"].endswith("/infra/dev")
    assert key["inputs"]["declared_as"] == "chatbot-prod"


def test_place_below_a_component_holds_its_type() -> None:
    """Two resources of one name below different kinds of components have different places."""
    registered = registrations(
        "import pulumi\n"
        "from pulumi_groq import GroqApiKey\n"
        "bot = pulumi.ComponentResource('acme:service:Chatbot', 'bot')\n"
        "options = pulumi.ResourceOptions(parent=bot)\n"
        "key = GroqApiKey('key', allowed_models=['openai/gpt-oss-20b'], opts=options)\n"
    )
    assert registered[-1]["inputs"]["declared_as"] == "acme:service:Chatbot$key"


def test_place_has_every_component_above() -> None:
    """A component inside another is another place than one of its kind elsewhere, as for the engine."""
    registered = registrations(
        "import pulumi\n"
        "from pulumi_groq import GroqApiKey\n"
        "shop = pulumi.ComponentResource('acme:site:Shop', 'shop')\n"
        "below = pulumi.ResourceOptions(parent=shop)\n"
        "bot = pulumi.ComponentResource('acme:service:Chatbot', 'bot', opts=below)\n"
        "options = pulumi.ResourceOptions(parent=bot)\n"
        "key = GroqApiKey('key', allowed_models=['openai/gpt-oss-20b'], opts=options)\n"
    )
    assert registered[-1]["inputs"]["declared_as"] == "acme:site:Shop$acme:service:Chatbot$key"


def test_place_below_the_stack_is_that_of_no_parent() -> None:
    """The stack itself as a parent is in no URN, and in no place."""
    registered = registrations(
        "import pulumi\n"
        "from pulumi_groq import GroqApiKey\n"
        "options = pulumi.ResourceOptions(parent=pulumi.runtime.get_root_resource())\n"
        "key = GroqApiKey('key', allowed_models=['openai/gpt-oss-20b'], opts=options)\n"
    )
    assert registered[-1]["inputs"]["declared_as"] == "key"


@pytest.mark.parametrize(
    ("declare", "instead"),
    [
        (partial(GroqApiKey, allowed_models=[]), 'adopt_key_id="key_1"'),
        (partial(GroqTeam, allowed_models=[]), "adopt_existing=True"),
    ],
)
def test_import_is_refused_with_what_takes_over(declare: Any, instead: str) -> None:
    """The engine's host would name a property of its own and nothing else."""
    with pytest.raises(pulumi.RunError, match=f"^existing: .* exists with {instead} "):
        declare("existing", opts=pulumi.ResourceOptions(import_="key_1"))


def test_unset_arguments_are_not_sent() -> None:
    """What is not declared is not there, neither as null nor as a default."""
    (team,) = registrations(
        "from pulumi_groq import GroqTeam\n"
        "team = GroqTeam('research', allowed_models=['openai/gpt-oss-20b'])\n"
    )
    assert team["inputs"].keys() == {
        "allowed_models",
        "team_name",
        "managed_by",
        "declared_as",
        "__provider",
    }


def test_policy_is_declared() -> None:
    """The policy's amounts reach the engine as they were written."""
    (policy,) = registrations(
        "from pulumi_groq import GroqSpendPolicy\n"
        "policy = GroqSpendPolicy('cap', monthly_cap_usd=500, alert_thresholds_usd=[100, 250, 400])\n"
    )
    assert policy["inputs"]["monthly_cap_usd"] == 500
    assert policy["inputs"]["alert_thresholds_usd"] == [100, 250, 400]


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
    wrapped = (
        "import pulumi\n"
        "from pulumi_groq.lifecycle.spend_policy import SpendPolicyState\n"
        "from pulumi_groq.resources.declaration import declare\n"
        "declared = declare(SpendPolicyState, {'alert_webhook_urls': ['https://hooks.example.com/x']})\n"
        "kind = type(declared['alert_webhook_urls']).__name__\n"
        "shown = pulumi.ComponentResource('acme:test:Shown', kind)\n"
    )
    assert [resource["name"] for resource in registrations(wrapped)] == ["Output"]


def test_output_is_read_under_mocks() -> None:
    """Programs' own unit tests read outputs that the mocked engine gives, as the real one gives them."""
    kind = "pulumi-python:dynamic/groq:GroqApiKey"
    registered = registrations(
        "import pulumi\n"
        "from pulumi_groq import GroqApiKey\n"
        "key = GroqApiKey('chatbot-prod', allowed_models=['openai/gpt-oss-20b'])\n"
        "key.status.apply(lambda status: pulumi.ComponentResource('acme:test:Shown', status))\n",
        outputs={kind: {"status": "active"}},
    )
    assert [resource["name"] for resource in registered] == ["chatbot-prod", "active"]


def test_provider_is_declared_by_its_name() -> None:
    """What the engine keeps of the provider with each resource is the SDK's pickle of a name, in clear."""
    (key,) = registrations(
        "from pulumi_groq import GroqApiKey\n"
        "key = GroqApiKey('chatbot-prod', allowed_models=['openai/gpt-oss-20b'])\n"
    )
    assert key["inputs"]["__provider"] == serialize_provider(ApiKeyProvider())


def test_program_loads_no_http_client() -> None:
    """Only the provider's process talks to the gateway; every run waits for what the program loads."""
    names = "GroqAdminKey, GroqApiKey, GroqSpendPolicy, GroqTeam, GroqWorkloadIdentity"
    told = f"import sys; from pulumi_groq import {names}; print('httpx' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "False\n"


def test_reading_an_output_is_no_declaration() -> None:
    """A transformation of the stack, which may refuse what it sees, sees what the program declares alone."""
    registered = registrations(
        "import pulumi\n"
        "from pulumi_groq import GroqApiKey\n"
        "seen = []\n"
        "pulumi.runtime.register_stack_transformation(lambda args: seen.append(args.name))\n"
        "key = GroqApiKey('chatbot-prod', allowed_models=['openai/gpt-oss-20b'])\n"
        "key.status.apply(lambda _: pulumi.ComponentResource('acme:test:Shown', ' '.join(seen)))\n",
        outputs={"pulumi-python:dynamic/groq:GroqApiKey": {"status": "active"}},
    )
    assert [resource["name"] for resource in registered] == ["chatbot-prod", "chatbot-prod"]


def test_typed_rotation_has_the_fields_of_the_schedule() -> None:
    """What the argument's type offers is what the schedule takes."""
    assert RotationArgs.__annotations__.keys() == RotationSchedule.model_fields.keys()
    assert FreezeWindowArgs.__annotations__.keys() == FreezeWindow.model_fields.keys()


def test_many_resources_are_waited_for_once() -> None:
    """At the program's end the SDK awaits registrations, and never all outputs of all resources anew."""
    run = subprocess.run(
        [sys.executable, "-c", MANY_KEYS], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(run.stdout) < 100
