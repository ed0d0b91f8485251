"""The review of a preview: what changes, what to look at first, and what could not be checked."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from pulumi_groq.access import Access
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.reports.engine_state import resource_name, stack_address
from pulumi_groq.reports.guardrails.judging import Verdict
from pulumi_groq.reports.guardrails.loader import Guardrails
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.adoption import beside_live
from pulumi_groq.reports.review.changes import PlannedChange, changes_of, others_of
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity
from pulumi_groq.reports.review.guardrails import findings_of, verdicts_of
from pulumi_groq.reports.review.preview import Preview
from pulumi_groq.reports.review.rules import (
    access,
    identities,
    keys,
    limits,
    models,
    ownership,
    roles,
    runaway,
    spend,
    tools,
)

_ENDED: Final = "an unhandled error occurred: Program exited with"  # Pulumi adds it to any error

RULES: Final[tuple[Rule, ...]] = (
    *spend.RULES,
    *keys.RULES,
    *limits.RULES,
    *runaway.RULES,
    *access.RULES,
    *models.RULES,
    *tools.RULES,
    *ownership.RULES,
    *roles.RULES,
    *identities.RULES,
)
"""Every rule; each looks at one change at a time."""

NEEDS_GATEWAY: Final = (
    "whether keys that are deleted, replaced, rotated, disabled or narrowed are in use",
    "whether a lowered limit or budget is near what is used of it",
    "whether the cap is below what was spent this month",
    "limits and budgets against the server's defaults and other stacks' keys",
    "whether models have a price in the gateway's own price list",
)
"""What nobody can tell without the gateway."""


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewed preview. `findings` come worst first; `unchecked` says what is missing, and why.

    `others` counts resources of other kinds by operation, `unchanged` all resources that stay. `verdicts`
    are what the rules of policy.yaml say.
    """

    project: str
    stack: str
    plan: ReviewedPlan
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    others: dict[str, int]
    unchanged: int
    verdicts: tuple[Verdict, ...] = ()

    @property
    def changes(self) -> tuple[PlannedChange, ...]:
        """The changes of this package's resources."""
        return self.plan.changes

    @property
    def would_stop(self) -> bool:
        """Whether a run would end before it changes everything."""
        failed = any(finding.rule == "preview-failed" for finding in self.findings)
        return failed or any(verdict.stops for verdict in self.verdicts)

    def worst(self) -> Severity | None:
        """The severity of the worst finding."""
        return self.findings[0].severity if self.findings else None


def review(
    preview: Preview,
    *,
    catalogue: Catalogue,
    live: Live | str,
    now: datetime,
    access: Access | None = None,
    raise_factor: Decimal = Decimal(2),
    guardrails: Guardrails | None = None,
    selected_stack: str = "",
) -> Review:
    """The review of `preview`. `live` is what the gateway said, or why it said nothing.

    `now` counts if the gateway's clock cannot be read, `selected_stack` if the preview names none.
    """
    facts = live if isinstance(live, Live) else None
    planned = changes_of(preview)
    plan = ReviewedPlan(
        changes=tuple(beside_live(change, facts) for change in planned),
        catalogue=catalogue,
        now=facts.as_of if facts else now,
        raise_factor=raise_factor,
        live=facts,
        access=access,
    )
    project, stack = stack_address(preview.steps[0].urn if preview.steps else "")
    verdicts: tuple[Verdict, ...] = ()
    if guardrails is not None:
        # What is taken over counts as new to the rules, as it does where the program is judged.
        verdicts = verdicts_of(guardrails, stack or selected_stack, planned, access, plan.now)
    found = [
        *_failures(preview, {verdict.line() for verdict in verdicts}),
        *findings_of(verdicts, access),
        *_findings(plan),
    ]
    return Review(
        project=project,
        stack=stack,
        plan=plan,
        findings=tuple(sorted(found, key=lambda each: -each.severity)),
        unchecked=_unchecked(live, plan.changes),
        others=others_of(preview),
        unchanged=(preview.change_summary or {}).get("same", 0),
        verdicts=verdicts,
    )


def _findings(plan: ReviewedPlan) -> Iterator[Finding]:
    for change in plan.changes:
        for rule in RULES:
            yield from rule(change, plan)


_RAISED: Final = "Exception calling application: "  # gRPC's words for what a dynamic provider raised


def _failures(preview: Preview, judged: Set[str]) -> Iterator[Finding]:
    """Each error but what the verdicts on it say already, and but that there was one."""
    errors = [each for each in preview.diagnostics if each.severity == "error"]
    for error in errors:
        lines = [
            line.strip().removeprefix("error: ").removeprefix(_RAISED) for line in error.message.splitlines()
        ]
        left = [line for line in lines if line not in judged]
        what = " ".join(" ".join(left).split())
        told_already = bool(lines) and not left
        if not told_already and not (len(errors) > 1 and what.startswith(_ENDED)):
            yield Finding(
                rule="preview-failed",
                severity=Severity.HIGH,
                kind="resource",
                resource=resource_name(error.urn) or "the program",
                what=what,
                why="The preview is incomplete, and the run would fail.",
                todo="Correct it and preview again.",
            )


def _unchecked(live: Live | str, changes: Sequence[PlannedChange]) -> tuple[str, ...]:
    if isinstance(live, Live) or not changes:
        return ()
    return (live, *NEEDS_GATEWAY)
