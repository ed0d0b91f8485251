"""Stacks of many keys that are run without a checkpoint for each step, as docs/resources.md advises."""

from typing import Any

import pytest

from killed_runs import up_killed
from local_engine import BOTH_PACKAGES, WITHOUT_CHECKPOINTS

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

KEYS = {
    f"key-{number}": {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 60}
    for number in range(24)
}


def test_killed_run_without_checkpoints_makes_no_key_twice(gateway: Any, stack: Any) -> None:
    """`kill -9` of everything, with no state saved at all, loses no key: the next run takes each over."""
    stack.environment |= WITHOUT_CHECKPOINTS
    stack.declare(keys=KEYS)
    with gateway.client() as client:
        up_killed(stack, lambda: sum(1 for _ in client.list_keys()) >= len(KEYS) // 2, whole_run=True)
        assert stack.resources() == []
        first = {key.id for key in client.list_keys()}

        stack.pulumi("cancel", "--yes", "--stack", stack.name)  # the lock that the killed run left
        stack.up()
        assert sorted(key.name for key in client.list_keys()) == sorted(KEYS)
        assert first <= {key["id"] for key in stack.resources()}
