"""Findings as SARIF 2.1.0, the form that GitHub's code scanning takes.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (documented).
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from pulumi_groq.reports.findings import Finding, Severity
from pulumi_groq.reports.inert import sarif_text

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def findings_sarif(findings: Iterable[Finding], uri: str) -> str:
    """The findings, at their line (or the first) of the file `uri`, relative to the repository."""
    found = tuple(findings)
    rules = sorted({each.rule for each in found})
    run = {
        "tool": {"driver": {"name": "pulumi-groq review", "rules": [_rule(rule) for rule in rules]}},
        "results": [_result(each, rules.index(each.rule), uri) for each in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: str) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": rule.replace("-", " ").capitalize()}}


def _result(finding: Finding, rule_index: int, uri: str) -> dict[str, Any]:
    sentence = f"{finding.kind} {finding.resource}: {finding.what}. {finding.why} {finding.todo}"
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": finding.line or 1}}
    same = "\0".join((finding.rule, finding.kind, finding.resource))
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": sarif_text(sentence, longest=2_000)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"resource/v1": hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()},
        "properties": {"severity": finding.severity.word},
    }
