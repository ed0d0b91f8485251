"""A run that is interrupted at the terminal, and two stacks that are deployed at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from killed_runs import up_interrupted
from local_engine import BOTH_PACKAGES, NATIVE

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

KEY = {"allowed_models": ["openai/gpt-oss-20b"]}
CREATE = "POST /openai/v1/api-keys"


def test_an_interrupted_run_is_finished_by_the_next(gateway: Any, stack: Any) -> None:
    """Interrupted while a create is tried again and again: state and key are whole, the next run goes on."""
    stack.declare(keys={"first": KEY})
    stack.up()
    kept = stack.output("api_keys")
    gateway.control("reset-counts")
    gateway.control("fail", times=1000, status=503, method="POST", path_prefix="/openai/v1/api-keys")
    stack.declare(keys={"first": KEY, "second": KEY})
    stack.environment["GROQ_ADMIN_DEADLINE_SECONDS"] = "20"
    run = up_interrupted(stack, lambda: gateway.requests().get(CREATE))
    assert run.code != 0, run.output
    assert "Traceback" not in run.output
    assert ("cancelled before the admin API was asked again" in run.output) == (stack.package == NATIVE)
    gateway.control("cancel-orders")
    with gateway.client() as client:
        assert [key.name for key in client.list_keys()] == ["first"]
        assert [each["urn"].rpartition("::")[2] for each in stack.resources()] == ["first"]
        stack.up()
        keys = {key.name: key.last_four for key in client.list_keys()}
    values = stack.output("api_keys")
    assert {name: value[-4:] for name, value in values.items()} == keys
    assert values.items() >= kept.items()


def test_two_stacks_at_once(gateway: Any, new_stack: Callable[..., Any], package: str) -> None:
    """Two stacks of one program that are deployed at the same moment have a key each."""
    stacks = [new_stack(gateway, name, package=package) for name in ("dev", "prod")]
    for stack in stacks:
        stack.declare(keys={"chatbot-prod": KEY})
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda stack: stack.up(), stacks))
    with gateway.client() as client:
        owners = sorted(str(key.managed_by) for key in client.list_keys())
    assert owners == ["organization/infra/dev", "organization/infra/prod"]
    assert len({stack.output("api_keys")["chatbot-prod"] for stack in stacks}) == 2
