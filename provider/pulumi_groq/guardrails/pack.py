"""policy.yaml as a CrossGuard policy pack: one policy for each rule.

A pack is a folder with a `__main__.py` that calls `serve`, and an executable that the engine starts. It
judges each resource before the engine creates or changes it, whatever program declares it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)
from pulumi_policy.proxy import UnknownValueError

from pulumi_groq.errors import AccessFileError
from pulumi_groq.guardrails.gateway import serving_now
from pulumi_groq.reports.engine_state import UNKNOWN, groq_kind
from pulumi_groq.reports.guardrails.judging import Verdict, judge, subject
from pulumi_groq.reports.guardrails.loader import Guardrails, load_guardrails
from pulumi_groq.reports.guardrails.rules import RuleBase
from pulumi_groq.reports.guardrails.sources import Serving

_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW}


def serve(path: Path, name: str = "groq-access") -> None:
    """Serve the rules in the file at `path` to the engine as the pack `name`, until the engine ends it."""
    try:
        guardrails = load_guardrails(path, advice="check GROQ_POLICY_FILE")
    except AccessFileError as error:
        sys.exit(str(error))
    PolicyPack(name, policies=policies(guardrails), enforcement_level=EnforcementLevel.ADVISORY)


def policies(guardrails: Guardrails) -> list[Any]:
    """A policy for each rule: mandatory where its severity is high."""
    return [_policy(guardrails, name, rule) for name, rule in guardrails.rules.items()]


def _policy(guardrails: Guardrails, name: str, rule: RuleBase) -> ResourceValidationPolicy:
    mandatory = rule.severity == "high"
    return ResourceValidationPolicy(
        name,
        rule.reason,
        _validation(guardrails, name),
        enforcement_level=EnforcementLevel.MANDATORY if mandatory else EnforcementLevel.ADVISORY,
        severity=_SEVERITIES[rule.severity],
    )


def _validation(guardrails: Guardrails, name: str) -> Callable[[Any, Any], None]:
    @cache
    def now_serving() -> Serving | None:
        return serving_now({name: guardrails.rules[name]})

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not groq_kind(args.resource_type) or name not in guardrails.rules_of(pulumi.get_stack()):
            return
        for verdict in verdicts_of(guardrails.rules[name], name, args, now_serving(), datetime.now(UTC)):
            if verdict.outcome == "violated":
                report(verdict.what, args.urn)
            else:
                # A violation would stop the run where the rule is mandatory; the engine shows stderr.
                sys.stderr.write(f"{verdict.outcome}: {verdict.line()}\n")

    return validate


def verdicts_of(
    rule: RuleBase, name: str, args: ResourceValidationArgs, serving: Serving | None, now: datetime
) -> tuple[Verdict, ...]:
    """What `rule` says at `now` (aware) of the one resource in `args`."""
    each = subject(groq_kind(args.resource_type), readable(args.props), args.name)
    judged = serving.with_before(each) if serving else replace(each, before_known=False)
    return judge({name: rule}, [judged], now)


def readable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """`properties` without the pack's proxies: what only the run will know is `UNKNOWN`, as in a preview."""
    return {name: _plain(partial(properties.__getitem__, name)) for name in properties}


def _plain(read: Callable[[], Any]) -> Any:
    try:
        value = read()
        if isinstance(value, Mapping):
            return readable(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [_plain(partial(value.__getitem__, index)) for index in range(len(value))]
    except UnknownValueError:
        return UNKNOWN
    return value
