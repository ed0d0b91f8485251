"""Judges what is declared by the rules of policy.yaml: pure, the same for review, program and pack."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import singledispatch
from typing import Any, Final, Literal

from pulumi_groq.models.budgets import Bounded
from pulumi_groq.policy.trust import weaknesses
from pulumi_groq.reports.guardrails import rules as checks
from pulumi_groq.reports.guardrails.rules import Grade, RuleBase
from pulumi_groq.reports.guardrails.widening import wider_fields
from pulumi_groq.reports.identity_trust import TRUST_FIELDS, trust_of
from pulumi_groq.reports.settings import (
    SETTINGS,
    AdminKeySettings,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    Settings,
    TeamSettings,
)

Outcome = Literal["violated", "waived", "unchecked"]
SPEND_POLICY: Final = "spend-policy"


@dataclass(frozen=True)
class Subject:
    """One declared resource. `before` is what holds now: `None` where it is new.

    `before_known` is false where nobody could tell whether and how it exists.
    """

    kind: str
    name: str
    declared: Settings
    before: Settings | None = None
    before_known: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a resource: `what` is wrong, waived, or could not be checked."""

    rule: str
    outcome: Outcome
    severity: Grade
    kind: str
    resource: str
    what: str
    reason: str

    @property
    def stops(self) -> bool:
        """Whether the run must not go on."""
        return self.outcome == "violated" and self.severity == "high"

    def line(self) -> str:
        """The verdict in one line."""
        told = f"{self.resource}: {self.what} (policy.yaml, rule {self.rule}: {self.reason})"
        return told.replace("\n", " ")


def subject(kind: str, properties: Mapping[str, Any], name: str = "") -> Subject:
    """The resource with these properties in the spelling of either adapter; `name` where they give none."""
    declared = SETTINGS[kind].read(properties)
    return Subject(kind, own_name(declared) or name, declared)


def own_name(settings: Settings) -> str:
    """The name of the object itself; empty where it cannot be seen."""
    match settings:
        case KeySettings():
            return settings.name
        case TeamSettings():
            return settings.team_name
        case AdminKeySettings():
            return settings.name
        case IdentitySettings():
            return settings.identity_name
    return SPEND_POLICY


def judge(rules: Mapping[str, RuleBase], subjects: Iterable[Subject], now: datetime) -> tuple[Verdict, ...]:
    """What `rules` say of `subjects` at `now` (aware), in the rules' order."""
    every = tuple(subjects)
    return tuple(
        _verdict(name, rule, each, complaint, now)
        for name, rule in rules.items()
        for each in every
        for complaint in _complaints(rule, each, now)
    )


@dataclass(frozen=True, slots=True)
class _Complaint:
    what: str
    checked: bool = True


def _verdict(name: str, rule: RuleBase, each: Subject, complaint: _Complaint, now: datetime) -> Verdict:
    waivers = [waiver for waiver in rule.waivers if waiver.resource == each.name]
    outcome: Outcome = "violated" if complaint.checked else "unchecked"
    what = complaint.what
    for waiver in waivers:
        until = f"{waiver.until:%Y-%m-%d %H:%M} UTC"
        if waiver.holds(now):
            outcome = "waived"
            what = f"{complaint.what}; waived by {waiver.by} until {until}: {waiver.why}"
            break
        what = f"{complaint.what}; the waiver by {waiver.by} ended on {until}"
    return Verdict(name, outcome, rule.severity, each.kind, each.name, what, rule.reason)


def _complaints(rule: RuleBase, each: Subject, now: datetime) -> Iterator[_Complaint]:
    if isinstance(rule, checks.NoWidening):
        if rule.holds_on(now):
            yield from _widened(each)
        return
    if isinstance(each.declared, IdentitySettings) and each.declared.is_for_admin and type(rule) in _OF_USE:
        return
    fields = _READS.get(type(rule), {}).get(each.kind, ())
    # A team's limits are of all its keys together: the rule is about what each of them declares.
    if isinstance(rule, checks.LimitAtMost) and each.kind != "GroqTeam":
        fields = (rule.limit,) if rule.limit in type(each.declared).model_fields else ()
    hidden = sorted(each.declared.hidden.intersection(fields))
    if hidden:
        yield _Complaint(f"{', '.join(hidden)} cannot be read before the run", checked=False)
    elif fields:
        yield from map(_Complaint, _violations(rule, each.declared, now))


_USERS: Final = ("GroqApiKey", "GroqTeam", "GroqWorkloadIdentity")
"""What may use models, or bounds who may."""

_OF_USE: Final = frozenset({checks.LimitAtMost, checks.BudgetRequired})
"""Rules about use of models, which an identity with a role has none of."""

_READS: Final[Mapping[type[RuleBase], Mapping[str, tuple[str, ...]]]] = {
    checks.ModelsApproved: dict.fromkeys(_USERS, ("allowed_models",)),
    checks.ToolsApproved: dict.fromkeys(_USERS, ("allowed_tools",)),
    checks.LabelsRequired: {"GroqApiKey": ("metadata",)},
    checks.BudgetRequired: dict.fromkeys(
        ("GroqApiKey", "GroqWorkloadIdentity"), ("monthly_budget_usd", "budgets")
    ),
    checks.RotationRequired: dict.fromkeys(("GroqApiKey", "GroqAdminKey"), ("rotation",)),
    checks.ExpiryRequired: {"GroqApiKey": ("expires_at",)},
    checks.SpendPolicyAtMost: {"GroqSpendPolicy": ("monthly_cap_usd", "auto_pause")},
    checks.RolesApproved: {"GroqAdminKey": ("role",), "GroqWorkloadIdentity": ("admin_role",)},
    checks.SafeClaims: {"GroqWorkloadIdentity": (*TRUST_FIELDS, "admin_role")},
}
"""The fields that a rule reads, for each kind of resource that it is about."""


@singledispatch
def _violations(rule: RuleBase, declared: Any, now: datetime) -> Iterator[str]:
    raise TypeError(f"no judgement for {type(rule).__name__}")


def _judges(kind: type[RuleBase]) -> Callable[[Any], Any]:
    return _violations.register(kind)


@_judges(checks.LimitAtMost)
def _limit(
    rule: checks.LimitAtMost, declared: KeySettings | IdentitySettings, now: datetime
) -> Iterator[str]:
    value = getattr(declared, rule.limit)
    most = f"{rule.at_most.normalize():,f}"
    if value is None:
        yield f"{rule.limit} is not declared; declare at most {most}"
    elif value == "unlimited":
        yield f"{rule.limit} is unlimited; at most {most} is allowed"
    elif value > rule.at_most:
        yield f"{rule.limit} is {Decimal(value):,f}; at most {most} is allowed"


@_judges(checks.ModelsApproved)
def _models(
    rule: checks.ModelsApproved, declared: KeySettings | TeamSettings | IdentitySettings, now: datetime
) -> Iterator[str]:
    others = sorted(set(declared.allowed_models) - set(rule.models))
    if others:
        yield f"may call {', '.join(others)}, which {_is_are(others)} not approved"


@_judges(checks.ToolsApproved)
def _tools(
    rule: checks.ToolsApproved, declared: KeySettings | TeamSettings | IdentitySettings, now: datetime
) -> Iterator[str]:
    others = sorted(set(declared.allowed_tools) - set(rule.tools))
    if others:
        yield f"may use {', '.join(others)}, which {_is_are(others)} not approved"


@_judges(checks.LabelsRequired)
def _labels(rule: checks.LabelsRequired, declared: KeySettings, now: datetime) -> Iterator[str]:
    missing = [label for label in rule.labels if not declared.metadata.get(label, "").strip()]
    if missing:
        yield f"has no {', no '.join(missing)} in its metadata"


@_judges(checks.BudgetRequired)
def _budget(
    rule: checks.BudgetRequired, declared: KeySettings | IdentitySettings, now: datetime
) -> Iterator[str]:
    if "month" not in Bounded.of(declared).budget_by_window:
        yield "has no monthly_budget_usd"


@_judges(checks.RotationRequired)
def _rotation(
    rule: checks.RotationRequired, declared: KeySettings | AdminKeySettings, now: datetime
) -> Iterator[str]:
    every = declared.rotation.every_days if declared.rotation else None
    if every is None:
        yield f"does not rotate by age; every {rule.every_days_at_most} days at least is asked"
    elif every > rule.every_days_at_most:
        yield f"rotates every {every} days; every {rule.every_days_at_most} days at least is asked"


@_judges(checks.ExpiryRequired)
def _expiry(rule: checks.ExpiryRequired, declared: KeySettings, now: datetime) -> Iterator[str]:
    if declared.expires_at is None:
        yield "has no expires_at"
    elif declared.expires_at - now > timedelta(days=rule.within_days):
        yield f"expires on {declared.expires_at:%Y-%m-%d}, more than {rule.within_days} days from now"


@_judges(checks.RolesApproved)
def _roles(
    rule: checks.RolesApproved, declared: AdminKeySettings | IdentitySettings, now: datetime
) -> Iterator[str]:
    role = declared.role if isinstance(declared, AdminKeySettings) else declared.admin_role
    if role is not None and role not in rule.roles:
        yield f"has the role {role}, which is not approved"


@_judges(checks.SafeClaims)
def _claims(rule: checks.SafeClaims, declared: IdentitySettings, now: datetime) -> Iterator[str]:
    trust = trust_of(declared)
    for weakness in weaknesses(trust) if trust is not None else ():
        if weakness.grade != "low":
            yield weakness.what


@_judges(checks.SpendPolicyAtMost)
def _spend(rule: checks.SpendPolicyAtMost, declared: PolicySettings, now: datetime) -> Iterator[str]:
    cap = declared.monthly_cap_usd
    if cap is not None and cap > rule.monthly_cap_usd:  # no policy is without a cap
        yield f"monthly_cap_usd is {cap:,f}; at most {rule.monthly_cap_usd:,f} is allowed"
    if not declared.auto_pause:
        yield "auto_pause is off"


def _widened(each: Subject) -> Iterator[_Complaint]:
    if not each.before_known:
        yield _Complaint("whether it is widened cannot be told without the gateway", checked=False)
    elif each.before is None:
        yield _Complaint("is new, on a day on which nothing is widened")
    else:
        fields = wider_fields(each.before, each.declared)
        if fields:
            yield _Complaint(f"{', '.join(fields)} widened on a day on which nothing is")


def _is_are(things: list[str]) -> str:
    return "is" if len(things) == 1 else "are"
