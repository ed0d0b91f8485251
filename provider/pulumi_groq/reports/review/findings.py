"""What a reviewer should look at before a run, and what the rules that find it are given."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from functools import cached_property

from pydantic import BaseModel

from pulumi_groq.access import Access
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.budgets import Bounded
from pulumi_groq.models.usage import KeyUsage
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.changes import PlannedChange


class Severity(IntEnum):
    """How much a finding matters, ascending."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """`info`, `low`, `medium` or `high`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: what it is, why it matters, what to do; plain text with foreign names.

    `rule` is the finding's stable id; `line` is the one of the access file that declares the resource.
    """

    rule: str
    severity: Severity
    kind: str
    resource: str
    what: str
    why: str
    todo: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """Where the access file declares a resource, and why."""

    line: int
    reason: str | None


@dataclass(frozen=True)
class ReviewedPlan:
    """All that rules look at. `live` is `None` when the gateway could not be asked.

    `raise_factor` is how many times its old value a limit may become before it is a finding; `now`
    is the server's clock, or this machine's if the gateway could not be asked.
    """

    changes: tuple[PlannedChange, ...]
    catalogue: Catalogue
    now: datetime
    raise_factor: Decimal
    live: Live | None = None
    access: Access | None = None

    @cached_property
    def budgets_usd(self) -> Decimal | None:
        """All keys' monthly budgets together after the run, where they are known."""
        return budgets_after(self.changes, self.live, self.access)

    @cached_property
    def policy_changes(self) -> bool:
        """Whether the spending policy is among the changes."""
        return any(change.kind == "GroqSpendPolicy" for change in self.changes)

    @cached_property
    def _declared(self) -> dict[tuple[str, str], Declared]:
        return declarations(self.access)

    def key_of(self, change: PlannedChange) -> ApiKey | None:
        """The live key that the change is about, where there is one."""
        return self.live.keys_by_id.get(change.key_id) if self.live and change.key_id else None

    def identity_of(self, change: PlannedChange) -> WorkloadIdentity | None:
        """The live workload identity that the change is about, where there is one and it may be seen."""
        if change.kind != "GroqWorkloadIdentity" or self.live is None:
            return None
        return next((each for each in self.live.identities or () if each.name == change.name), None)

    def usage_of(self, change: PlannedChange) -> KeyUsage | None:
        """What the live key that the change is about has used."""
        return self.live.usage_by_id.get(change.key_id) if self.live and change.key_id else None

    def declared_of(self, change: PlannedChange) -> Declared | None:
        """Where and why the access file declares the change's resource."""
        return self._declared.get((change.kind, "" if change.kind == "GroqSpendPolicy" else change.name))


Rule = Callable[[PlannedChange, ReviewedPlan], Iterator[Finding]]
"""Looks at one change. Yields nothing for changes of other kinds, or where what it needs is unknown."""


def finding(
    rule: str,
    severity: Severity,
    change: PlannedChange,
    plan: ReviewedPlan,
    *,
    what: str,
    why: str,
    todo: str,
) -> Finding:
    """A finding about the resource of `change`."""
    declared = plan.declared_of(change)
    line = declared.line if declared else None
    return Finding(rule, severity, change.noun, change.name, what, why, todo, line)


def declarations(access: Access | None) -> dict[tuple[str, str], Declared]:
    """What the access file declares, by kind of resource and name (the spending policy has none)."""
    if access is None:
        return {}
    found = {("GroqTeam", team.name): Declared(team.line, team.reason) for team in access.teams}
    found |= {("GroqApiKey", key.name): Declared(key.line, key.reason) for key in access.keys}
    found |= {("GroqAdminKey", key.name): Declared(key.line, key.reason) for key in access.admin_keys}
    found |= {
        ("GroqWorkloadIdentity", each.name): Declared(each.line, each.reason) for each in access.identities
    }
    if access.spend_policy:
        policy = access.spend_policy
        found["GroqSpendPolicy", ""] = Declared(policy.line, policy.reason)
    return found


def budgets_after(
    changes: Sequence[PlannedChange], live: Live | None, access: Access | None
) -> Decimal | None:
    """The sum of all keys' monthly budgets in US dollars after `changes`; a lineage counts once.

    Without the gateway the access file's own sum; `None` without either.
    """
    if live is not None:
        return _sum(_budgets(changes, live).values())
    return _sum(map(_of_month, access.keys)) if access is not None else None


def _budgets(changes: Sequence[PlannedChange], live: Live) -> dict[str, Decimal | None]:
    lineages = {key.id: key.lineage_id for key in live.keys}
    budgets = {key.lineage_id: _of_month(key) for key in live.keys}
    for change in changes:
        old, new = change.key()
        lineage = lineages.get(change.key_id or "", change.urn)
        if old is not None and change.operation != "update":
            budgets.pop(lineage, None)
        if new is not None and not new.hidden & {"monthly_budget_usd", "budgets"}:
            budgets[lineage if change.operation == "update" else change.urn] = _of_month(new)
    return budgets


def _of_month(key: BaseModel) -> Decimal | None:
    return Bounded.of(key).budget_by_window.get("month")


def _sum(budgets: Iterable[Decimal | None]) -> Decimal:
    return sum((budget for budget in budgets if budget), Decimal(0))
