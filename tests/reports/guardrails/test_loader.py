"""What an unusable policy.yaml says: file, line, path, what to do."""

from pathlib import Path

import pytest

from pulumi_groq.errors import AccessFileError
from pulumi_groq.reports.guardrails.loader import load_guardrails, read_guardrails
from pulumi_groq.reports.guardrails.rules import CHECKS, RuleBase

EXAMPLE = Path(__file__).parents[3] / "stacks" / "policy.example.yaml"


def _problems(text: str) -> list[str]:
    with pytest.raises(AccessFileError) as raised:
        read_guardrails(text.encode(), "policy.yaml")
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1: is empty; declare rules"),
        ("rule: {}", "1: rule: is not a known field; did you mean rules?"),
        (
            "rules:\n  a: {check: x, reason: y}",
            f"2: rules.a.check: is not a known check; known are {', '.join(sorted(CHECKS))}",
        ),
        ("rules:\n  a: 5", f"2: rules.a.check: must be one of {', '.join(CHECKS)}"),
        ("rules:\n  a:\n    check: budget_required", "2: rules.a.reason: is missing"),
        (
            "rules:\n  a:\n    check: budget_required\n    reason: y\n    severity: hgh",
            "5: rules.a.severity: must be 'high', 'medium' or 'low'; found \"hgh\"",
        ),
        (
            "environments: {production: [prod]}\n"
            "rules:\n  a: {check: budget_required, reason: y, environments: [prodction]}",
            "3: rules.a.environments.0: is not a known environment; did you mean production?",
        ),
        (
            "rules:\n  a: {check: budget_required, reason: y, environments: [production]}",
            "2: rules.a.environments.0: is not a known environment; there are none",
        ),
        (
            "rules:\n  a: {check: limit_at_most, reason: y, limit: requests_per_minute, at_most: lots}",
            '2: rules.a.at_most: must be a number; found "lots"',
        ),
        (
            "rules:\n  a: {check: budget_requird, reason: y}",
            "2: rules.a.check: is not a known check; did you mean budget_required?",
        ),
        (
            "rules:\n  a: {check: budget_required, reason: y, waivers: [{resource: k, until: "
            "2027-01-01T00:00:00Z, by: d, why: w, aproved: z}]}",
            "2: rules.a.waivers.0.aproved: is not a known field; known are by, resource, until, why",
        ),
        ("environments: {production: prod}", "1: environments.production: must be a list of names of stacks"),
        (
            "rules:\n  a:\n    check: budget_required\n    reason: y\n    waivers:\n"
            "      - {resource: k, by: d, why: w, until: soon}",
            '6: rules.a.waivers.0.until: must be an ISO 8601 time such as 2026-12-31T00:00:00Z; found "soon"',
        ),
        (
            "rules:\n  a: {check: no_widening, reason: y, weekdays: [friday], time_zone: Mars/Base}",
            '2: rules.a.time_zone: must be a time zone such as Europe/Berlin, or UTC; found "Mars/Base"',
        ),
    ],
)
def test_a_problem_is_told_with_its_line(text: str, line: str) -> None:
    """Each problem is one line that says where it is and what to do."""
    assert _problems(text) == [f"policy.yaml:{line}"]


def test_rules_hold_in_their_environments() -> None:
    """A rule holds in the stacks of the environments that it names, and everywhere if it names none."""
    example = load_guardrails(EXAMPLE)
    assert example.rules_of("prod").keys() == example.rules.keys()
    assert example.rules_of("dev").keys() == {"organisation-cap", "no-tools", "no-owners", "claims"}


def test_a_file_that_is_not_there_is_told() -> None:
    """A missing file says which setting names it."""
    with pytest.raises(AccessFileError, match=r"policy.yaml: cannot be read: no such file .*groq:policyFile"):
        load_guardrails(Path("nowhere/policy.yaml"))


def test_every_check_and_its_fields_are_documented() -> None:
    """The page has a row for each check with the fields that are its own."""
    page = (Path(__file__).parents[3] / "docs" / "policy-as-code.md").read_text()
    for name, model in CHECKS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        for field in model.model_fields.keys() - RuleBase.model_fields.keys() - {"check"}:
            assert f"`{field}`" in row
