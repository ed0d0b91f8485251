"""`GroqTeam`: a team whose models bound each of its keys, and whose limits they share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.team import TeamArgs, TeamLifecycle, TeamState
from pulumi_groq.resources.budget_args import BudgetArgs
from pulumi_groq.resources.declaration import DeclaredResource, by_id
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.retirement import warn_of_retired_models
from pulumi_groq.resources.session import notify

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session


class TeamProvider(LifecycleProvider):
    """Serves `GroqTeam`."""

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        return TeamLifecycle(session.client, notify)


class GroqTeam(DeclaredResource, module="groq", name="GroqTeam"):
    """A team. A key of the team may use the models and tools that both its own lists and the
    team's hold; the team's limits and budgets are shared by its keys.

    Outputs: `team_name` (pass it to `GroqApiKey(team=...)`) and `created_at`.

    :param resource_name: the resource's name in the stack.
    :param allowed_models: Ids of the models that the team's keys may call, 1 to 200; their order means
        nothing.
    :param allowed_tools: What the team's keys may let the upstream do or read beyond a request's own
        body, up to 100 permissions, written as a key's; none by default.
    :param upstream_key: Name of the gateway's own key for the upstream (`serve --upstream-key`) with
        which the team's requests, files and batches go out, such as that of a Groq project of its own: 1
        to 63 lower-case letters, digits, - and _; unless set, the gateway's default.
    :param requests_per_minute: Requests a minute of all the team's keys together: 1 to 1,000,000,000, or
        `"unlimited"`; none unless set.
    :param tokens_per_minute: Tokens a minute of all the team's keys together: 1 to 1,000,000,000, or
        `"unlimited"`; none unless set.
    :param requests_per_day: Requests a day of all the team's keys together: 1 to 1,000,000,000, or
        `"unlimited"`; none unless set.
    :param tokens_per_day: Tokens a day of all the team's keys together: 1 to 1,000,000,000, or
        `"unlimited"`; none unless set.
    :param max_parallel_requests: Requests of all the team's keys that may run at once, each until its
        answer's end, streams included, together: 1 to 1,000,000,000, or `"unlimited"`; none unless set.
    :param monthly_budget_usd: US dollars that all the team's keys together may spend in a calendar month
        (UTC): above 0, up to 1,000,000,000, with at most 6 decimal places; none unless set.
    :param budgets: What all the team's keys together may spend by window, up to 4, at most one each per
        hour, day, week or month, in UTC; not per month beside `monthly_budget_usd`. None unless set.
    :param team_name: The team's name, 1 to 128 printable characters; the resource's name where left out.
        Changing it replaces the team; a team that still has keys cannot be deleted.
    :param adopt_existing: Whether to take over a team of that name that exists with other models or
        tools, or that another stack declares.
    :param opts: Pulumi's resource options.
    """

    _served_by = TeamProvider
    _args = TeamArgs
    _state = TeamState

    if TYPE_CHECKING:
        team_name: pulumi.Output[str]
        allowed_models: pulumi.Output[Sequence[str]]
        created_at: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        allowed_models: pulumi.Input[Sequence[str]],
        allowed_tools: pulumi.Input[Sequence[str]] | None = None,
        upstream_key: pulumi.Input[str] | None = None,
        requests_per_minute: pulumi.Input[int | str] | None = None,
        tokens_per_minute: pulumi.Input[int | str] | None = None,
        requests_per_day: pulumi.Input[int | str] | None = None,
        tokens_per_day: pulumi.Input[int | str] | None = None,
        max_parallel_requests: pulumi.Input[int | str] | None = None,
        monthly_budget_usd: pulumi.Input[float] | None = None,
        budgets: pulumi.Input[Sequence[BudgetArgs]] | None = None,
        team_name: pulumi.Input[str] | None = None,
        adopt_existing: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "allowed_models": allowed_models,
            "allowed_tools": allowed_tools,
            "upstream_key": upstream_key,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "requests_per_day": requests_per_day,
            "tokens_per_day": tokens_per_day,
            "max_parallel_requests": max_parallel_requests,
            "monthly_budget_usd": monthly_budget_usd,
            "budgets": budgets,
            "team_name": team_name,
            "adopt_existing": adopt_existing,
        }
        self._register(resource_name, arguments, opts)
        warn_of_retired_models(self, allowed_models)

    @classmethod
    def get(
        cls, resource_name: str, team_name: str, opts: pulumi.ResourceOptions | None = None
    ) -> "GroqTeam":
        """Read the existing team `team_name` into the program without owning it."""
        return cls(resource_name, allowed_models=[], team_name=team_name, opts=by_id(team_name, opts))
