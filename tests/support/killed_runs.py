"""Runs of `pulumi up` that are killed or interrupted at a step, found by what the gateway was asked."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from local_engine import DYNAMIC, NATIVE, Run, Stack
from patience import until
from process_tree import descendants, ended, kill_tree

STEP_DEADLINE_S = 90

_PROVIDERS = {DYNAMIC: "pulumi.dynamic", NATIVE: "pulumi-resource-groq"}
"""What the command line of the process holds that serves a package's resources."""


def up_killed(stack: Stack, when: Callable[[], object], *, whole_run: bool = False) -> Run:
    """Start `pulumi up` and, once `when` holds, kill -9 the provider's process, or all of the run's."""

    def kill(run: "subprocess.Popen[str]") -> None:
        if whole_run:
            kill_tree(run)
        else:
            os.kill(_provider_of(run.pid, stack.package), signal.SIGKILL)

    return _up(stack, when, kill)


def up_interrupted(stack: Stack, when: Callable[[], object]) -> Run:
    """Start `pulumi up` and, once `when` holds, interrupt it as a terminal does."""
    return _up(stack, when, lambda run: os.killpg(run.pid, signal.SIGINT))


def _up(stack: Stack, when: Callable[[], object], then: "Callable[[subprocess.Popen[str]], object]") -> Run:
    run = stack.begin("up", "--yes", "--skip-preview", "--stack", stack.name)
    try:
        _wait_for_step(run, when)
        then(run)
        output = ended(run, STEP_DEADLINE_S)
    except BaseException:
        kill_tree(run)
        raise
    return Run(run.returncode, output)


def _wait_for_step(run: "subprocess.Popen[str]", when: Callable[[], object]) -> None:
    def come() -> object:
        assert run.poll() is None, f"the run ended before the step: {ended(run, STEP_DEADLINE_S)}"
        return when()

    until(come, "the run comes to the step", patience_s=STEP_DEADLINE_S)


def _provider_of(pid: int, package: str) -> int:
    """The process that serves the resources of `package` to the run `pid`."""
    (found,) = [child for child in descendants(pid) if _PROVIDERS[package] in _command(child)]
    return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
