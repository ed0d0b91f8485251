"""`GroqApiKey`: one API key of the gateway, with its models, limits, budget and rotation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.resources.budget_args import BudgetArgs, ModelLimitsArgs
from pulumi_groq.resources.declaration import DeclaredResource, by_id
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.retirement import warn_of_retired_models
from pulumi_groq.resources.rotation_args import RotationArgs
from pulumi_groq.resources.runaway_args import RunawayArgs
from pulumi_groq.resources.session import notify

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session


class ApiKeyProvider(LifecycleProvider):
    """Serves `GroqApiKey`."""

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        return ApiKeyLifecycle(session.client, session.listing, notify)


class GroqApiKey(DeclaredResource, module="groq", name="GroqApiKey"):
    """An API key of the gateway, held to its models, rate limits and budget.

    Limits are whole numbers from 1 to 1,000,000,000 or `"unlimited"`; left out, the server's
    default holds. Everything but the name changes in place, and the key keeps its value.

    Outputs: `key_id`, `api_key` (secret; the value applications send), `last_four`, `status`,
    `created_at`, `generation`, and while rotation is declared `previous_key_id`,
    `previous_last_four`, `previous_status`, `previous_last_used_at`, `retire_after` and
    `next_rotation_at`. Times are ISO 8601 in UTC.

    :param resource_name: the resource's name in the stack.
    :param allowed_models: Ids of the models that the key may call, 1 to 200; their order means nothing.
    :param allowed_tools: What the upstream may do or read beyond a request's own body, up to 100
        permissions: built-in tools such as `"browser_search"`, remote MCP servers as
        `"mcp:docs.example.com"`, and `"stored_responses"`, `"image_urls"`, `"file_urls"`, `"file_ids"`,
        `"inline_files"`; none by default.
    :param name: The name that usage is booked under, 1 to 128 printable characters; the resource's name
        where left out. Changing it replaces the key: the new one is created before the old one is
        deleted.
    :param requests_per_minute: Requests a minute, refilled continuously: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param tokens_per_minute: Tokens a minute, prompt and completion together: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param requests_per_day: Requests a day, refilled continuously: 1 to 1,000,000,000, or `"unlimited"`;
        the server's default unless set.
    :param tokens_per_day: Tokens a day, prompt and completion together: 1 to 1,000,000,000, or
        `"unlimited"`; the server's default unless set.
    :param max_parallel_requests: Requests that may run at once, each until its answer's end, streams
        included: 1 to 1,000,000,000, or `"unlimited"`; the server's default unless set.
    :param monthly_budget_usd: US dollars that the key may spend in a calendar month (UTC): above 0, up
        to 1,000,000,000, with at most 6 decimal places. A rotated key shares it with its successor.
        Unless set, only its team's budgets and the organisation's hold.
    :param budgets: What the key may spend by window, up to 4, at most one each per hour, day, week or
        month, in UTC; not per month beside `monthly_budget_usd`. A rotated key shares them with its
        successor. None unless set.
    :param model_limits: Limits of single models, up to 200, by the model's id, which must be one of
        `allowed_models`: they hold within all other limits. None unless set.
    :param runaway: What of the key's spend is a runaway, and whether it pauses the key; unless set,
        nothing is. The keys of a lineage are watched and paused together.
    :param share: The key's weight while the upstream's own limits are near, which are then divided among
        the keys that ask: 1 to 1,000; 1 unless set. A rotated key shares it with its successor.
    :param expires_at: When the key stops working: an ISO 8601 time with its zone. Unless set, never.
    :param team: The name of the key's team, 1 to 128 printable characters: its models, tools, limits and
        budgets bound the key's.
    :param metadata: Up to 16 labels stored with the key: names of 1 to 64 printable characters, values
        of up to 512 characters.
    :param disabled: Whether the key's requests are refused without the key being deleted.
    :param rotation: When the key is replaced, and how long its predecessor keeps working; unless set,
        never.
    :param adopt_key_id: Id of an existing key to take over instead of creating one; its value stays
        unknown until a rotation gives it a new one.
    :param allow_delete_in_use: Whether the key is deleted even if it served a request within the quiet
        period.
    :param opts: Pulumi's resource options.

    Bad values are reported at preview, each with its property. A key whose creation was cut off is
    found again by the next run. The constructor raises nothing, except `pulumi.RunError` for `import_`.
    """

    _served_by = ApiKeyProvider
    _args = ApiKeyArgs
    _state = ApiKeyState

    if TYPE_CHECKING:
        key_id: pulumi.Output[str]
        api_key: pulumi.Output[str | None]
        last_four: pulumi.Output[str]
        status: pulumi.Output[str]
        created_at: pulumi.Output[str]
        generation: pulumi.Output[int]
        previous_key_id: pulumi.Output[str | None]
        previous_last_four: pulumi.Output[str | None]
        previous_status: pulumi.Output[str | None]
        previous_last_used_at: pulumi.Output[str | None]
        retire_after: pulumi.Output[str | None]
        next_rotation_at: pulumi.Output[str | None]

    def __init__(
        self,
        resource_name: str,
        *,
        allowed_models: pulumi.Input[Sequence[str]],
        allowed_tools: pulumi.Input[Sequence[str]] | None = None,
        name: pulumi.Input[str] | None = None,
        requests_per_minute: pulumi.Input[int | str] | None = None,
        tokens_per_minute: pulumi.Input[int | str] | None = None,
        requests_per_day: pulumi.Input[int | str] | None = None,
        tokens_per_day: pulumi.Input[int | str] | None = None,
        max_parallel_requests: pulumi.Input[int | str] | None = None,
        monthly_budget_usd: pulumi.Input[float] | None = None,
        budgets: pulumi.Input[Sequence[BudgetArgs]] | None = None,
        model_limits: pulumi.Input[Mapping[str, ModelLimitsArgs]] | None = None,
        runaway: pulumi.Input[RunawayArgs] | None = None,
        share: pulumi.Input[int] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        team: pulumi.Input[str] | None = None,
        metadata: pulumi.Input[Mapping[str, str]] | None = None,
        disabled: pulumi.Input[bool] | None = None,
        rotation: pulumi.Input[RotationArgs] | None = None,
        adopt_key_id: pulumi.Input[str] | None = None,
        allow_delete_in_use: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "allowed_models": allowed_models,
            "allowed_tools": allowed_tools,
            "name": name,
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "requests_per_day": requests_per_day,
            "tokens_per_day": tokens_per_day,
            "max_parallel_requests": max_parallel_requests,
            "monthly_budget_usd": monthly_budget_usd,
            "budgets": budgets,
            "model_limits": model_limits,
            "runaway": runaway,
            "share": share,
            "expires_at": expires_at,
            "team": team,
            "metadata": metadata,
            "disabled": disabled,
            "rotation": rotation,
            "adopt_key_id": adopt_key_id,
            "allow_delete_in_use": allow_delete_in_use,
        }
        self._register(resource_name, arguments, opts)
        warn_of_retired_models(self, allowed_models)

    @classmethod
    def get(cls, resource_name: str, key_id: str, opts: pulumi.ResourceOptions | None = None) -> "GroqApiKey":
        """Read the existing key `key_id` into the program without owning it; its value stays unknown."""
        return cls(resource_name, allowed_models=[], opts=by_id(key_id, opts))
