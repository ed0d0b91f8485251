"""Teams: models and tools that bound every key of the team, limits and budgets that its keys share."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from pulumi_groq.models.budgets import Budgets, not_of_the_month_twice
from pulumi_groq.models.fields import AllowedModels, CreatedAt, Name, OwnLimit, UpdatedAt, Usd, WireModel
from pulumi_groq.models.ownership import Owned
from pulumi_groq.models.tools import AllowedTools

TeamModels = Annotated[
    AllowedModels,
    Field(
        description="Ids of the models that the team's keys may call, 1 to 200; their order means nothing."
    ),
]
TeamTools = Annotated[
    AllowedTools,
    Field(
        description="What the team's keys may let the upstream do or read beyond a request's own body, up to "
        "100 permissions, written as a key's; none by default."
    ),
]
ADOPT_EXISTING_TEAM: Final = (
    "Whether to take over a team of that name that exists with other models or tools, or that another stack "
    "declares."
)
UpstreamKeyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
TeamUpstreamKey = Annotated[
    UpstreamKeyName | None,
    Field(
        description="Name of the gateway's own key for the upstream (`serve --upstream-key`) with which the "
        "team's requests, files and batches go out, such as that of a Groq project of its own: 1 to 63 "
        "lower-case letters, digits, - and _; unless set, the gateway's default."
    ),
]
_RANGE: Final = 'together: 1 to 1,000,000,000, or `"unlimited"`; none unless set.'
TeamRequestsPerMinute = Annotated[
    OwnLimit | None, Field(description=f"Requests a minute of all the team's keys {_RANGE}")
]
TeamTokensPerMinute = Annotated[
    OwnLimit | None, Field(description=f"Tokens a minute of all the team's keys {_RANGE}")
]
TeamRequestsPerDay = Annotated[
    OwnLimit | None, Field(description=f"Requests a day of all the team's keys {_RANGE}")
]
TeamTokensPerDay = Annotated[
    OwnLimit | None, Field(description=f"Tokens a day of all the team's keys {_RANGE}")
]
TeamMaxParallelRequests = Annotated[
    OwnLimit | None,
    Field(
        description="Requests of all the team's keys that may run at once, each until its answer's end, "
        f"streams included, {_RANGE}"
    ),
]
TeamMonthlyBudgetUsd = Annotated[
    Usd | None,
    Field(
        description="US dollars that all the team's keys together may spend in a calendar month (UTC): above "
        "0, up to 1,000,000,000, with at most 6 decimal places; none unless set."
    ),
]
TeamBudgets = Annotated[
    Budgets,
    Field(
        description="What all the team's keys together may spend by window, up to 4, at most one each per "
        "hour, day, week or month, in UTC; not per month beside `monthly_budget_usd`. None unless set."
    ),
]
TeamName = Annotated[
    Name, Field(description="The team's name, which is its id: 1 to 128 printable characters.")
]


class TeamSettings(WireModel):
    """What bounds the keys of a team, and what they share."""

    allowed_models: TeamModels
    allowed_tools: TeamTools = Field(default_factory=list)
    upstream_key: TeamUpstreamKey = None
    requests_per_minute: TeamRequestsPerMinute = None
    tokens_per_minute: TeamTokensPerMinute = None
    requests_per_day: TeamRequestsPerDay = None
    tokens_per_day: TeamTokensPerDay = None
    max_parallel_requests: TeamMaxParallelRequests = None
    monthly_budget_usd: TeamMonthlyBudgetUsd = None
    budgets: Annotated[TeamBudgets, AfterValidator(not_of_the_month_twice)] = Field(default_factory=list)


class TeamWrite(TeamSettings, Owned):
    """Body of `PUT /openai/v1/teams/{name}`."""


class Team(TeamSettings, Owned):
    """A team as the admin API shows it."""

    object: Literal["team"] = Field("team", description="The kind of object.")
    name: TeamName
    created_at: CreatedAt
    updated_at: UpdatedAt


class TeamPage(WireModel):
    """All teams, by name."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    data: Annotated[list[Team], Field(description="The teams.")]
