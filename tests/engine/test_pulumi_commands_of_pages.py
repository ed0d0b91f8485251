"""Every `pulumi` command that a page shows, run on the real engine as it stands there."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from page_commands import page_commands

pytestmark = pytest.mark.engine

STACKS = Path(__file__).parents[2] / "stacks"
SHOWN = sorted({command.words for command in page_commands() if command.tool == "pulumi"})
ONLY_READ = {("pulumi", "import"), ("pulumi", "install")}
"""Named without what they need; the plugin's tests run them with it."""
ORDER = ("up", "preview", "refresh", "stack", "cancel", "config", "destroy")
"""What needs a stack comes behind what makes it, and what it would hinder before."""


def turn(words: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Where among the others it is run."""
    return ORDER.index(words[1]), words


def test_all_that_is_shown_runs(stack: Any) -> None:
    """In a stack of the reference program, with a policy and its pack, each ends well."""
    for name in ("__main__.py", "groq_access.py", "access.yaml"):
        shutil.copy(STACKS / name, stack.folder)
    shutil.copytree(STACKS / "policy-pack", stack.folder / "stacks" / "policy-pack")
    shutil.copy(STACKS / "policy.example.yaml", stack.folder / "stacks" / "policy.yaml")
    run = [words for words in SHOWN if words not in ONLY_READ]
    assert len(run) > 10
    failed = []
    for words in sorted(run, key=turn):
        done = subprocess.run(
            words,
            cwd=stack.folder,
            env={**stack.environment, "PULUMI_SKIP_CONFIRMATIONS": "true"},
            input="a-signing-secret-of-thirty-two-bytes\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            failed.append(f"{' '.join(words)}: {done.stdout[-2000:]}")
    assert failed == []


@pytest.mark.parametrize("words", sorted(ONLY_READ), ids=" ".join)
def test_what_is_only_named_exists(words: Sequence[str], stack: Any) -> None:
    """The CLI explains the command by its name."""
    run = stack.pulumi(*words[1:], "--help")
    assert (run.code, f"pulumi {words[1]}" in run.output.partition("Usage:")[2]) == (0, True)
