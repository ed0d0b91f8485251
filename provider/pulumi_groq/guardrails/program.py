"""policy.yaml enforced by the Pulumi program, before it declares anything."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from pulumi_groq.access import Access
from pulumi_groq.guardrails.gateway import serving_now
from pulumi_groq.reports.guardrails.judging import judge
from pulumi_groq.reports.guardrails.loader import load_guardrails
from pulumi_groq.reports.guardrails.sources import declared_subjects


def enforce(path: Path, access: Access) -> None:
    """Judge `access` by the rules in the file at `path`.

    Warns of what a rule of lower severity says, of waivers and of what could not be checked. Raises
    AccessFileError for an unusable file, and `pulumi.RunError`, with a line for each violation of a rule
    of high severity: the preview ends there.
    """
    rules = load_guardrails(path).rules_of(pulumi.get_stack())
    now = serving_now(rules)
    subjects = [now.with_before(each) if now else each for each in declared_subjects(access)]
    verdicts = judge(rules, subjects, datetime.now(UTC))
    for verdict in verdicts:
        if not verdict.stops:
            pulumi.warn(f"{verdict.outcome}: {verdict.line()}")
    stopping = [verdict.line() for verdict in verdicts if verdict.stops]
    if stopping:
        raise pulumi.RunError("\n".join(stopping))
