"""Findings as GitHub workflow commands, which a job's log turns into annotations of a file."""

from collections.abc import Iterable
from typing import Final

from pulumi_groq.reports.findings import Finding, Severity
from pulumi_groq.reports.inert import workflow_data, workflow_property

_COMMANDS: Final = {
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}


def findings_annotations(findings: Iterable[Finding], file: str) -> str:
    """One line a finding, at its line in `file` (a path relative to the repository) or the first one."""
    return "".join(f"{_annotation(each, file)}\n" for each in findings)


def _annotation(finding: Finding, file: str) -> str:
    title = f"{finding.severity.word}: {finding.kind} {finding.resource}"
    properties = f"file={workflow_property(file)},line={finding.line or 1},title={workflow_property(title)}"
    message = workflow_data(f"{finding.what}. {finding.why} {finding.todo}", longest=2_000)
    return f"::{_COMMANDS[finding.severity]} {properties}::{message}"
