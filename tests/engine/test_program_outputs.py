"""What a program reads of a resource's properties, set or not, on the real engine."""

import json
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES, DYNAMIC

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

READ = (
    "generation",
    "status",
    "disabled",
    "requests_per_minute",
    "share",
    "team",
    "previous_key_id",
    "key_id",
)
PROGRAM = """\
import pulumi
from {package} import GroqApiKey

{before}
key = GroqApiKey("chatbot", allowed_models=["openai/gpt-oss-20b"], {arguments})
{after}
for name in {names}:
    pulumi.export(name, getattr(key, name))
pulumi.export("kind", key.generation.apply(lambda number: type(number).__name__))
"""
SHARED = """\
def shared(arguments):
    return pulumi.ResourceTransformResult({**arguments.props, "share": 3}, arguments.opts)
"""


def write(stack: Any, arguments: str = "", before: str = "", after: str = "") -> None:
    """Write a program that exports properties of one key."""
    text = PROGRAM.replace("{package}", stack.package).replace("{arguments}", arguments)
    text = text.replace("{before}", before).replace("{after}", after).replace("{names}", repr(READ))
    (stack.folder / "__main__.py").write_text(text)


def outputs(stack: Any) -> dict[str, Any]:
    """The stack's outputs."""
    run = stack.pulumi("stack", "output", "--json", "--stack", stack.name)
    assert run.code == 0, run.output
    found: dict[str, Any] = json.loads(run.printed)
    return found


def test_properties_that_nobody_set_are_read_as_the_state_has_them(gateway: Any, stack: Any) -> None:
    """A default reads as the default, what is nowhere as nothing, what the provider gave as it gave it.

    None of them is a secret because the key's value beside them is one.
    """
    write(stack)
    stack.up()
    (key,) = stack.resources()
    found = outputs(stack)
    assert found.pop("key_id") == key["id"]
    assert found == {"generation": 1, "status": "active", "disabled": False, "kind": "int"}


def test_value_of_a_transform_is_read(gateway: Any, stack: Any) -> None:
    """What a transform sets, the program reads, though it set nothing itself."""
    write(stack, "opts=pulumi.ResourceOptions(transforms=[shared])", SHARED)
    stack.up()
    assert outputs(stack)["share"] == 3


def test_ignored_change_is_read_as_the_state_keeps_it(gateway: Any, stack: Any) -> None:
    """An argument that is ignored and no longer set reads as what is in force."""
    write(stack, "requests_per_minute=500")
    stack.up()
    name = "requestsPerMinute" if stack.package.endswith("sdk") else "requests_per_minute"
    write(stack, f"opts=pulumi.ResourceOptions(ignore_changes=[{name!r}])")
    stack.up()
    assert outputs(stack)["requests_per_minute"] == 500


def test_all_changes_are_ignored_after_a_rotation(gateway: Any, stack: Any) -> None:
    """What the check noted in the last run's inputs stands in the way of no `ignore_changes=["*"]`."""
    for arguments in ("rotation={'trigger': 'a'}", "rotation={'trigger': 'b'}"):
        write(stack, arguments)
        stack.up()
    ignored = "opts=pulumi.ResourceOptions(ignore_changes=['*'])"
    write(stack, f"rotation={{'trigger': 'c'}}, requests_per_minute=5, {ignored}")
    stack.up()
    assert outputs(stack)["generation"] == 2
    with gateway.client() as client:
        assert {key.requests_per_minute for key in client.list_keys()} == {None}


def test_preview_of_a_create_tells_what_is_to_come(gateway: Any, stack: Any) -> None:
    """Before the key exists its id is unknown, whoever uses it; what was not set is known not to be."""
    used = "pulumi.export('used', key.key_id.apply(lambda known: 'read too early'))"
    write(stack, "requests_per_minute=500", after=used)
    shown = stack.preview()
    assert shown.code == 0, shown.output
    assert "read too early" not in shown.output
    assert "requests_per_minute: 500" in shown.output


def test_misspelt_property_is_an_error(gateway: Any, stack: Any) -> None:
    """A name that is no property stops the program with the name."""
    write(stack, after="key.kee_id")
    failed = stack.pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    assert failed.code != 0
    assert "has no attribute 'kee_id'" in failed.printed


def test_engine_keeps_the_programs_line(gateway: Any, stack: Any) -> None:
    """What declares a resource is the program, not the package's constructor."""
    write(stack)
    stack.up()
    (key,) = stack.resources()
    assert key["sourcePosition"] == "project:///__main__.py#5"


def test_state_keeps_the_programs_frames_alone(gateway: Any, stack: Any) -> None:
    """A key keeps the lines of the program that led to it, and not the launcher's and the event loop's.

    The plugin's resources register through code that Pulumi generates, which sends all.
    """
    program = (
        "import sys",
        "import pulumi",
        f"from {stack.package} import GroqApiKey",
        "class Bot(pulumi.ComponentResource):",
        "    def __init__(self, name):",
        "        super().__init__('acme:Bot', name)",
        "        below = pulumi.ResourceOptions(parent=self)",
        "        GroqApiKey(name, allowed_models=['openai/gpt-oss-20b'], opts=below)",
        "def bots():",
        "    Bot('chatbot')",
        "bots()",
        "assert not hasattr(sys, 'tracebacklimit')",
    )
    (stack.folder / "__main__.py").write_text("\n".join(program))
    stack.up()
    (key,) = stack.resources()
    lines = [frame.get("sourcePosition", "").removeprefix("project:///") for frame in key["stackTrace"]]
    assert lines[:3] == ["__main__.py#8", "__main__.py#10", "__main__.py#11"]
    assert len(lines) == 3 or stack.package != DYNAMIC


def test_state_keeps_the_frames_of_what_the_event_loop_calls(gateway: Any, stack: Any) -> None:
    """Keys of an asynchronous program, and in `apply`, keep the lines of its functions alone."""
    program = (
        "import pulumi",
        f"from {stack.package} import GroqApiKey",
        "def key(name):",
        "    return GroqApiKey(name, allowed_models=['openai/gpt-oss-20b'])",
        "def in_apply(found):",
        "    return key('in-apply').key_id",
        "async def program():",
        "    found = key('awaited')",
        "    return {'id': found.key_id.apply(in_apply)}",
        "pulumi.run(program)",
    )
    (stack.folder / "__main__.py").write_text("\n".join(program))
    stack.up()
    for name, line in (("awaited", 8), ("in-apply", 6)):
        (key,) = (each for each in stack.resources() if each["urn"].endswith(f"::{name}"))
        lines = [frame.get("sourcePosition", "").removeprefix("project:///") for frame in key["stackTrace"]]
        assert lines[:2] == ["__main__.py#4", f"__main__.py#{line}"]
        assert len(lines) == 2 or stack.package != DYNAMIC
