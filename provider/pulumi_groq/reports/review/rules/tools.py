"""Findings about what the upstream may do or read beyond a request's own body."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.models.tools import FILE_IDS, MCP, STORED_RESPONSES
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding

_SHARED: Final = frozenset({FILE_IDS, STORED_RESPONSES})
"""What they read belongs to the upstream's whole account, other keys' requests included."""


def tools_allowed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or team is given tools that it does not have; remote MCP servers are reported separately."""
    for old, new in (change.key(), change.team()):
        if new is None or "allowed_tools" in new.hidden or (old and "allowed_tools" in old.hidden):
            continue
        added = sorted(set(new.allowed_tools) - set(old.allowed_tools if old else ()))
        remote = [tool for tool in added if tool.startswith(MCP)]
        others = [tool for tool in added if not tool.startswith(MCP)]
        if remote:
            yield finding(
                "mcp-allowed",
                Severity.HIGH,
                change,
                plan,
                what=f"may send to {', '.join(tool.removeprefix(MCP) for tool in remote)} by remote MCP",
                why="What is in a prompt can leave for these hosts, and what they answer steers the model.",
                todo="Check who runs each host, and that what the key's prompts hold may go there.",
            )
        if others:
            yield finding(
                "tools-allowed",
                Severity.HIGH if _SHARED.intersection(others) else Severity.MEDIUM,
                change,
                plan,
                what=f"may use {', '.join(others)}",
                why="The upstream then does or reads more than a request's body shows, and each such request "
                "reserves the model's whole context window and the tools' fees.",
                todo="Check that the team asked for it, and that its budget holds the larger reservations.",
            )


RULES: Final[tuple[Rule, ...]] = (tools_allowed,)
