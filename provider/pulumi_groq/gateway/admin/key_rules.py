"""What must hold for a key to be written."""

from collections.abc import Sequence
from datetime import datetime

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.refusals import Conflict, Invalid, no_key, shown
from pulumi_groq.gateway.store.keys import KeyRecord, find_key, keys_declared_as, live_lineage
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.gateway.store.teams import find_team
from pulumi_groq.models.fields import wire_time
from pulumi_groq.models.tools import is_built_in


def require_priced(catalogue: Catalogue, models: Sequence[str]) -> None:
    """Every model has a price, so that nothing is ever used for free by mistake."""
    for index, model in enumerate(models):
        if not catalogue.is_priced(model):
            raise Invalid(
                f"Model `{model}` has no price, so its use could not be charged: "
                "correct the name, or add it to the gateway's price list",
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


def require_team(connection: Connection, team: str | None) -> None:
    """A key's team has been declared."""
    if team is not None and find_team(connection, team) is None:
        raise Invalid(
            f"There is no team named {shown(team)}: create it before its keys",
            code="team_not_found",
            param="team",
        )


def require_own_address(connection: Connection, record: KeyRecord) -> None:
    """No key of another lineage stands at the same place of the same stack under the same name."""
    if record.managed_by is None or record.declared_as is None:
        return
    for other in keys_declared_as(connection, record.managed_by, record.declared_as, record.name):
        if other.lineage_id != record.lineage_id:
            raise Conflict(
                f"API key {other.id} is declared as {shown(record.declared_as)} of "
                f"{shown(record.managed_by)} under this name already: adopt it, or delete it first",
                code="already_declared",
                param="declared_as",
                key_id=other.id,
            )


def require_successor(connection: Connection, replaces: str) -> KeyRecord:
    """The key that a new one may replace: the newest of its lineage, and the only live one."""
    parent = find_key(connection, replaces)
    if parent is None:
        raise no_key(replaces, param="replaces")
    living = live_lineage(connection, parent.lineage_id)
    newest = living[-1]
    if newest.id != parent.id:
        raise Conflict(
            f"API key {parent.id} has been replaced by {newest.id} already: replace that one",
            code="already_replaced",
            param="replaces",
            key_id=newest.id,
        )
    if len(living) > 1:
        raise Conflict(
            f"API key {living[0].id} of the same lineage is still live: it must be deleted before "
            f"{parent.id} can be replaced",
            code="rotation_in_progress",
            param="replaces",
            key_id=living[0].id,
        )
    return parent
