"""The tools that judge what lies under deploy/: `make deployment-tools` brings them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from pulumi_groq.cli.serve import serve

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = ROOT / ".tools" / "deployment"
SCHEMAS = TOOLS / "schemas"


def assert_taken_by_serve(arguments: Sequence[str]) -> None:
    """Raises for options that `pulumi-groq serve` does not take as they are given."""
    command, *options = arguments
    assert command == "serve"
    serve.make_context("serve", options)


def run_tool(
    name: str, *arguments: str, given: str | None = None, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one of them; `given` is its standard input."""
    tool = TOOLS / "bin" / name
    assert tool.exists(), f"{name} is missing: make deployment-tools"
    return subprocess.run(
        [str(tool), *arguments], input=given, env=environment, capture_output=True, text=True, check=False
    )
