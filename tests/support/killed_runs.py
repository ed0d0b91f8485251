"""Runs of `pulumi up` that are killed or interrupted at a step, found by what the gateway was asked."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from local_engine import DYNAMIC, NATIVE, Run, Stack

STEP_DEADLINE_S = 90

_PROVIDERS = {DYNAMIC: "pulumi.dynamic", NATIVE: "pulumi-resource-groq"}
"""What the command line of the process holds that serves a package's resources."""


def up_killed(stack: Stack, when: Callable[[], object], *, whole_run: bool = False) -> Run:
    """Start `pulumi up` and, once `when` holds, kill -9 the provider's process, or all of the run's."""
    run = _started(stack)
    try:
        _wait_for_step(run, when)
        if whole_run:
            _kill_all([run.pid, *_descendants(run.pid)])
        else:
            os.kill(_provider_of(run.pid, stack.package), signal.SIGKILL)
        output, _ = run.communicate(timeout=STEP_DEADLINE_S)
    finally:
        if run.poll() is None:
            _kill_all([run.pid, *_descendants(run.pid)])
            run.communicate()
    return Run(run.returncode, output)


def up_interrupted(stack: Stack, when: Callable[[], object]) -> Run:
    """Start `pulumi up` and, once `when` holds, interrupt it as a terminal does."""
    run = _started(stack)
    try:
        _wait_for_step(run, when)
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=STEP_DEADLINE_S)
    finally:
        if run.poll() is None:
            _kill_all([run.pid, *_descendants(run.pid)])
            run.communicate()
    return Run(run.returncode, output)


def _started(stack: Stack) -> "subprocess.Popen[str]":
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack.name]
    return subprocess.Popen(
        [*command, "--non-interactive", "--color", "never"],
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _wait_for_step(run: "subprocess.Popen[str]", when: Callable[[], object]) -> None:
    deadline = time.monotonic() + STEP_DEADLINE_S
    while not when():
        assert run.poll() is None, f"the run ended before the step: {run.communicate()[0]}"
        assert time.monotonic() < deadline, "the run did not come to the step in time"
        time.sleep(0.02)


def _kill_all(pids: list[int]) -> None:
    # The engine's plugins are in process groups of their own, and would outlive it.
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _provider_of(pid: int, package: str) -> int:
    """The process that serves the resources of `package` to the run `pid`."""
    (found,) = [child for child in _descendants(pid) if _PROVIDERS[package] in _command(child)]
    return found


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
