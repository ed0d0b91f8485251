"""Zero downtime, shown: services call on and on while keys are rotated and retired and runs are killed.

Everything is real: the engine, the provider's process, the gateway's process and the connections. Only
the gateway's clock is moved, so that months fit into a minute.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from killed_runs import up_killed
from local_engine import BOTH_PACKAGES, Gateway, Stack
from pulumi_groq.admin import AdminClient
from steady_traffic import SteadyTraffic, call

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900), BOTH_PACKAGES]

DAY_S = 24 * 3600
KEYS = "/openai/v1/api-keys"
PENDING = "Attempting to deploy or update resources with 1 pending operations"
NOTHING_DUE, DUE = 0, 3
LEAST_REQUESTS = 10_000
PROGRAM = '''\
"""One key with rotation; its value goes to the file that the services read, as to a secrets manager."""

import os
from pathlib import Path

import pulumi

from {package} import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute="unlimited",
    tokens_per_minute="unlimited",
    rotation={"every_days": 30},
)


def deliver(value: str) -> None:
    if not pulumi.runtime.is_dry_run():
        fresh = Path(os.environ["KEY_FILE"] + ".new")
        fresh.write_text(value)
        fresh.replace(os.environ["KEY_FILE"])


key.api_key.apply(deliver)
pulumi.export("generation", key.generation)
'''


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Where the stack puts the key's value."""
    return tmp_path / "chatbot-prod.key"


@pytest.fixture
def stack(gateway: Gateway, new_stack: Callable[..., Stack], key_file: Path, package: str) -> Stack:
    """A stack whose program delivers the key's value to `key_file`."""
    stack = new_stack(gateway, package=package)
    (stack.folder / "__main__.py").write_text(PROGRAM.replace("{package}", package))
    stack.environment["KEY_FILE"] = str(key_file)
    return stack


def _generations(client: AdminClient) -> list[int]:
    return [key.generation for key in client.list_keys()]


class Rotation:
    """The runs of one stack, each in its phase of the traffic."""

    def __init__(self, gateway: Gateway, stack: Stack, traffic: SteadyTraffic, key_file: Path) -> None:
        self._gateway, self._stack, self._traffic, self._key_file = gateway, stack, traffic, key_file

    def live(self) -> list[int]:
        """The generations of the live keys."""
        with self._gateway.client() as client:
            return _generations(client)

    def up(self, phase: str) -> list[int]:
        """A run that nothing happens to; the generations of the live keys after it."""
        self._traffic.phase = phase
        self._stack.up()
        self._traffic.wait_until_all_hold(self._key_file.read_text())
        return self.live()

    def killed(self, phase: str, when: Callable[[], object], **stall: Any) -> list[int]:
        """A run whose provider is killed while the request that `stall` means waits for its answer."""
        self._traffic.phase = f"killed {phase}"
        self._gateway.control("reset-counts")
        self._gateway.control("stall", path_prefix=KEYS, **stall)
        run = up_killed(self._stack, when)
        self._gateway.control("cancel-orders")
        assert run.code != 0, run.output
        return self.live()

    def asked(self, method: str, times: int = 1) -> bool:
        """Whether the gateway was asked as often, for the list of keys or for one of them."""
        counts = self._gateway.requests()
        return counts.get(f"{method} {KEYS}", 0) + counts.get(f"{method} {KEYS}/{{id}}", 0) >= times


def test_no_request_fails_while_keys_are_rotated_and_runs_killed(
    gateway: Gateway, stack: Stack, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not one of 10,000 requests is refused across rotations, five kills at their steps, and retirements."""
    stack.up()
    first = key_file.read_text()
    with SteadyTraffic(gateway.base_url, key_file) as traffic:
        rotation = Rotation(gateway, stack, traffic, key_file)
        traffic.wait_until_all_hold(first)
        gateway.control("clock", advance_s=31 * DAY_S)
        assert rotation.up("rotate") == [1, 2]
        second = key_file.read_text()

        gateway.control("clock", advance_s=31 * DAY_S)
        killed = rotation.killed
        assert killed("before the retirement", lambda: rotation.asked("DELETE"), method="DELETE") == [1, 2]
        assert killed(
            "after the retirement", lambda: rotation.live() == [2], method="DELETE", handled=True
        ) == [2]
        assert killed("before the create", lambda: rotation.asked("POST"), method="POST") == [2]
        assert killed(
            "after the create, before its answer",
            lambda: rotation.live() == [2, 3],
            method="POST",
            handled=True,
        ) == [2, 3]
        assert killed(
            "after the answer, before the state was saved",
            lambda: rotation.asked("POST") and rotation.asked("GET", 3),
            method="GET",
            skip=2,
        ) == [2, 3]
        assert key_file.read_text() == second
        assert rotation.up("retry") == [2, 3]
        third = key_file.read_text()

        gateway.control("clock", advance_s=2 * DAY_S)
        assert rotation.up("retire") == [3]
        gateway.control("reset-counts")
        assert rotation.up("unchanged") == [3]
        assert not rotation.asked("POST")
        assert not rotation.asked("DELETE")
        traffic.phase = "after"
        traffic.wait_for(LEAST_REQUESTS)
    assert len({first, second, third}) == 3
    assert traffic.by_key.keys() == {value[-4:] for value in (first, second, third)}
    assert traffic.statuses == {200: traffic.total}
    assert [call(gateway.base_url, value) for value in (first, second, third)] == [401, 401, 200]
    assert all(traffic.by_phase.values())
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{count:7,} {phase}" for phase, count in traffic.by_phase.items()))
        sys.stdout.write(f"\n{traffic.total:7,} requests, {traffic.statuses[401]} authentication failures\n")


def status(stack: Stack) -> int:
    """The exit code of `pulumi-groq rotation status`, which exports the stack itself."""
    command = [str(Path(sys.prefix, "bin", "pulumi-groq")), "rotation", "status", "--stack", stack.name]
    return subprocess.run(
        command, cwd=stack.folder, env=stack.environment, stdout=subprocess.DEVNULL, timeout=120, check=False
    ).returncode


def killed_whole(gateway: Gateway, stack: Stack, generations: list[int]) -> None:
    """A run whose processes are all killed once it has made the newest of `generations`.

    The engine notes what it is about to do in its state, a moment later than the gateway sees it.
    """
    gateway.control("stall", path_prefix=KEYS, method="POST", handled=True)
    with gateway.client() as client:
        up_killed(
            stack,
            lambda: _generations(client) == generations and "pending_operations" in stack.checkpoint(),
            whole_run=True,
        )
    gateway.control("cancel-orders")


def test_a_killed_pulumi_needs_a_cancel_and_another_run(
    gateway: Gateway, stack: Stack, key_file: Path
) -> None:
    """After kill -9 of all of `pulumi up`, `pulumi cancel` and another run finish a create or a rotation.

    Of a create the engine goes on to warn until it is told to forget about it.
    """
    with gateway.client() as client:
        for generations in ([1], [1, 2]):
            killed_whole(gateway, stack, generations)
            assert "pulumi cancel" in stack.fails_up().output
            assert stack.pulumi("cancel", "--yes", "--stack", stack.name).code == 0
            begun = status(stack)
            assert PENDING in stack.up().output
            assert (begun, status(stack)) == (NOTHING_DUE if generations == [1] else DUE, NOTHING_DUE)
            assert _generations(client) == generations
            assert call(gateway.base_url, key_file.read_text()) == 200
            if generations == [1]:
                stack.refresh("--clear-pending-creates")
            assert "pending_operations" not in stack.exported()["deployment"]
            gateway.control("clock", advance_s=31 * DAY_S)
