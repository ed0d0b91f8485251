"""What must hold for a key to be written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pulumi_groq.catalogue import Catalogue, did_you_mean
from pulumi_groq.gateway.admin.lineage_rules import require_newest_alone, require_own_place
from pulumi_groq.gateway.admin.refusals import Invalid, no_key, shown
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.keys import KeyRecord, find_key, keys_declared_as, live_lineage
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.gateway.store.teams import TeamRecord, find_team
from pulumi_groq.models.budgets import LIMITS, Bounded, misfits_of, month_twice, strange_model
from pulumi_groq.models.fields import usd, wire_time
from pulumi_groq.models.tools import is_built_in


def require_priced(catalogue: Catalogue, models: Sequence[str]) -> None:
    """Every model has a price, so that nothing is ever used for free by mistake."""
    for index, model in enumerate(models):
        if not catalogue.is_priced(model):
            raise Invalid(
                f"Model `{model}` has no price, so its use could not be charged: correct the name"
                f"{did_you_mean(model, catalogue.priced)}, or add it to the gateway's price list",
                code="model_not_priced",
                param=f"allowed_models.{index}",
            )


def require_tools_priced(catalogue: Catalogue, tools: Sequence[str]) -> None:
    """Every one of the upstream's tools has a price; remote MCP and content by reference cost tokens only."""
    for index, tool in enumerate(tools):
        if is_built_in(tool) and catalogue.tool(tool) is None:
            raise Invalid(
                f"Tool `{tool}` has no price, so its use could not be charged: "
                "correct the name, or add it to the gateway's price list",
                code="tool_not_priced",
                param=f"allowed_tools.{index}",
            )


def require_upstream_key(known: Sequence[str], name: str | None) -> None:
    """A team's upstream key is one that the gateway has, so that no request fails for it later."""
    if name is not None and name not in known:
        raise Invalid(
            f"This gateway has no upstream key `{name}`: it knows {', '.join(known)}; correct the name, or "
            "start the gateway with --upstream-key",
            code="upstream_key_unknown",
            param="upstream_key",
        )


def require_future(expires_at: datetime | None, now: datetime) -> None:
    """An expiry lies ahead."""
    if expires_at is not None and expires_at <= now:
        raise Invalid(
            f"expires_at {wire_time(expires_at)} has passed (it is {wire_time(now)}): give a later time, "
            "or disable the key instead",
            param="expires_at",
        )


def require_team(connection: Connection, team: str | None) -> TeamRecord | None:
    """A key's team has been declared."""
    found = None if team is None else find_team(connection, team)
    if team is not None and found is None:
        raise Invalid(
            f"There is no team named {shown(team)}: create it before its keys",
            code="team_not_found",
            param="team",
        )
    return found


def require_within_team(
    record: KeyRecord | IdentityRecord, former: KeyRecord | IdentityRecord | None, team: TeamRecord | None
) -> None:
    """No limit or budget of a key is above the one that its team has for all its keys together.

    What was so before the team's was lowered may stay, also in a rotation: both hold, so the team's does.
    """
    if team is None:
        return
    was = {} if former is None or former.team != record.team else _declared(former)
    declared = _declared(record)
    for path, problem in misfits_of(_settings(record), _settings(team), f"the team {shown(team.name)}"):
        if path[0] not in was or was[path[0]] != declared[path[0]]:
            raise Invalid(f"{'.'.join(path)} {problem}", code="exceeds_team", param=path[0])


def require_coherent(record: KeyRecord) -> None:
    """What only shows once a change is put together with what was set before."""
    monthly = record.monthly_budget_micro_usd
    problems = {
        "budgets": month_twice(record.budgets, None if monthly is None else usd(monthly)),
        "model_limits": strange_model(record.model_limits, record.allowed_models),
    }
    for field, problem in problems.items():
        if problem is not None:
            raise Invalid(f"{field} {problem}", param=field)


def _settings(record: KeyRecord | TeamRecord | IdentityRecord) -> Bounded:
    declared = _declared(record)
    return Bounded(
        {name: declared[name] for name in LIMITS},
        declared["monthly_budget_usd"],
        declared["budgets"],
        declared["model_limits"],
    )


def _declared(record: KeyRecord | TeamRecord | IdentityRecord) -> dict[str, Any]:
    """By the names of the admin API; an identity has fewer limits, a team none by model."""
    monthly = record.monthly_budget_micro_usd
    return {name: getattr(record, name, None) for name in LIMITS} | {
        "monthly_budget_usd": None if monthly is None else usd(monthly),
        "budgets": getattr(record, "budgets", ()),
        "model_limits": getattr(record, "model_limits", {}),
    }


def require_own_address(connection: Connection, record: KeyRecord) -> None:
    """See `require_own_place`."""
    if record.managed_by is not None and record.declared_as is not None:
        there = keys_declared_as(connection, record.managed_by, record.declared_as, record.name)
        require_own_place(record, there)


def require_successor(connection: Connection, replaces: str) -> KeyRecord:
    """The key that a new one may replace. Raises 404, and what `require_newest_alone` raises."""
    parent = find_key(connection, replaces)
    if parent is None:
        raise no_key(replaces, param="replaces")
    require_newest_alone(parent, live_lineage(connection, parent.lineage_id))
    return parent
