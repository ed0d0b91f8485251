"""`/openai/v1/usage/buckets`, `/openai/v1/usage/denials` and `/openai/v1/changes`."""

from datetime import date
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.history import History, Span
from pulumi_groq.gateway.admin.openapi import errors
from pulumi_groq.gateway.admin.refusals import Invalid
from pulumi_groq.gateway.store.change_log import ChangeQuery
from pulumi_groq.models.fields import Name, ObjectId
from pulumi_groq.models.history import (
    LARGEST_HISTORY_PAGE,
    ChangeAction,
    ChangePage,
    Cursor,
    DenialGroup,
    DenialPage,
    ObjectKind,
    UsageGroup,
    UsagePage,
)

BUCKETS_PATH: Final = "/openai/v1/usage/buckets"
DENIALS_PATH: Final = "/openai/v1/usage/denials"
CHANGES_PATH: Final = "/openai/v1/changes"

_LARGEST_ID: Final = 2**63 - 1

DayText = Annotated[
    str,
    Query(
        min_length=10,
        max_length=10,
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="A UTC day, `YYYY-MM-DD`, itself included. Without one: the running month so far.",
    ),
]
ChangeDay = Annotated[
    str,
    Query(
        min_length=10,
        max_length=10,
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="A UTC day, `YYYY-MM-DD`, itself included. Without one: no bound.",
    ),
]
ActorId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern="^[A-Za-z0-9_]+$")]
After = Annotated[Cursor, Query(description="`next` of the page before.")]
OneKey = Annotated[ObjectId, Query(description="Only what belongs to the key with this id.")]
PageLimit = Annotated[int, Query(ge=1, le=LARGEST_HISTORY_PAGE, description="The most groups on a page.")]


def _groups(kinds: tuple[str, ...]) -> str:
    one = f"({'|'.join(kinds)})"
    return f"^{one}(,{one}){{0,{len(kinds) - 1}}}$"


UsageGroups = Annotated[
    str,
    Query(
        pattern=_groups(get_args(UsageGroup)),
        description="Of day, key, team and model, comma-separated.",
    ),
]
DenialGroups = Annotated[
    str,
    Query(
        pattern=_groups(get_args(DenialGroup)),
        description="Of day, key, model and reason, comma-separated.",
    ),
]
ChangeActions = Annotated[
    str,
    Query(
        pattern=_groups(get_args(ChangeAction)),
        description=f"Only what was done so: of {', '.join(get_args(ChangeAction))}, comma-separated.",
    ),
]


def history_routes(history: History) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(tags=["Usage"])

    @router.get(BUCKETS_PATH, responses=errors(), openapi_extra=takes("usage.read"))
    def list_usage(
        caller: CallerOf,
        since: DayText | None = None,
        until: DayText | None = None,
        group_by: UsageGroups | None = None,
        key_id: OneKey | None = None,
        after: After | None = None,
        limit: PageLimit = 100,
    ) -> UsagePage:
        """Usage of past days in groups; without `group_by` its sum."""
        return history.usage(caller, _span(since, until, group_by, key_id, after, limit))

    @router.get(DENIALS_PATH, responses=errors(), openapi_extra=takes("usage.read"))
    def list_denials(
        caller: CallerOf,
        since: DayText | None = None,
        until: DayText | None = None,
        group_by: DenialGroups | None = None,
        key_id: OneKey | None = None,
        after: After | None = None,
        limit: PageLimit = 100,
    ) -> DenialPage:
        """Refused requests of past days in groups; without `group_by` their sum."""
        return history.denials(caller, _span(since, until, group_by, key_id, after, limit))

    @router.get(CHANGES_PATH, responses=errors(), openapi_extra=takes("changes.read"))
    def list_changes(
        before: Annotated[
            int | None, Query(ge=1, le=_LARGEST_ID, description="`last_id` of the page before.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=100, description="The most changes on a page.")] = 20,
        actor: Annotated[ActorId | None, Query(description="Only changes by this actor.")] = None,
        object_id: Annotated[Name | None, Query(description="Only changes of this object.")] = None,
        kind: Annotated[ObjectKind | None, Query(description="Only changes of this kind of object.")] = None,
        action: ChangeActions | None = None,
        since: ChangeDay | None = None,
        until: ChangeDay | None = None,
    ) -> ChangePage:
        """The last changes, newest first: who did what, from what to what; never the value of a secret."""
        query = ChangeQuery(
            actor=actor,
            object_id=object_id,
            kind=kind,
            actions=tuple(action.split(",")) if action else (),
            since=_date("since", since),
            until=_date("until", until),
        )
        return history.changes(query, before, limit)

    return router


def _span(
    since: str | None,
    until: str | None,
    group_by: str | None,
    key_id: str | None,
    after: str | None,
    limit: int,
) -> Span:
    groups = tuple(group_by.split(",")) if group_by else ()
    if len(set(groups)) < len(groups):
        raise Invalid("group_by must not repeat a group", param="group_by")
    return Span(_date("since", since), _date("until", until), groups, key_id, after, limit)


def _date(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{name} is no day of the calendar: {text}", param=name) from None
