"""The permissions that one request needs, with the field that each is for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pulumi_groq.gateway.http.refusal import PERMISSIONS, Refusal, bad_request
from pulumi_groq.policy.messages import kind_of

CODE: Final = "tool_not_allowed"
Reach = Mapping[str, str]
"""Permission -> the first field that needs it. Empty for what the body holds whole."""


class Needs(dict[str, str]):
    """Collects a `Reach`."""

    def add(self, permission: str, path: str) -> None:
        """The field at `path` needs `permission`."""
        self.setdefault(permission, path)


def unserved(path: str, why: str) -> Refusal:
    """403 for what no permission allows."""
    return Refusal(403, PERMISSIONS, f"{path} is not allowed: {why}", code=CODE, param=path)


def not_permitted(holder_id: str, permission: str, path: str) -> Refusal:
    """403 for what this key or workload identity, or its team, is not permitted."""
    return Refusal(
        403,
        PERMISSIONS,
        f"{path} needs `{permission}`, which is not among the allowed_tools of this {kind_of(holder_id)} and "
        "its team. Leave the field out, or have it allowed.",
        code=CODE,
        param=path,
    )


def unknown_field(path: str) -> Refusal:
    """400: an unknown field may make the upstream do anything."""
    return bad_request(
        f"{path} is no field that this gateway knows, so it cannot tell what it would cost. "
        "Correct its name, or leave it out.",
        param=path,
        code="unknown_field",
    )


def only(holder: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    """Raises `Refusal` where `holder`, which stands at `path`, has a field that is not `known`."""
    if not holder.keys() <= known:
        raise unknown_field(under(path, min(holder.keys() - known)))


def under(path: str, step: object) -> str:
    """The path of a field below `path`."""
    return f"{path}.{step}" if path else str(step)


def as_object(value: Any, path: str) -> dict[str, Any]:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise bad_request(f"{path} must be an object.", param=path)
    return value


def as_list(value: Any, path: str) -> list[Any]:
    """`value`, which must be a list; `None` is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request(f"{path} must be a list.", param=path)
    return value


def as_name(value: Any, path: str) -> str:
    """`value`, which must be text: the type of something."""
    if not isinstance(value, str):
        raise bad_request(f"{path} must be text.", param=path)
    return value


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CHAT: Final = _names(
    """audio citation_options compound_custom disable_tool_validation documents exclude_domains
    frequency_penalty function_call functions include_domains include_reasoning logit_bias logprobs
    max_completion_tokens max_tokens messages metadata modalities model moderation n parallel_tool_calls
    prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention
    reasoning_effort reasoning_format response_format safety_identifier search_settings seed service_tier
    stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
    web_search_options"""
)
RESPONSES: Final = _names(
    """access_programs background background_options context_management conversation image include input
    instructions max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls
    previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning
    safety_identifier service_tier store stream stream_options temperature text tool_choice tools
    top_logprobs top_p truncation user"""
)
EMBEDDINGS: Final = _names("dimensions encoding_format input model user")
SPEECH: Final = _names("input instructions model response_format sample_rate speed stream_format voice")
TRANSLATIONS: Final = _names("file model prompt response_format temperature url")
TRANSCRIPTIONS: Final = TRANSLATIONS | _names(
    """chunking_strategy include keywords known_speaker_names known_speaker_references language languages
    stream timestamp_granularities"""
)
"""Of a form; lists have `[]` behind the name there."""

KNOWN: Final = MappingProxyType(
    {
        "chat/completions": CHAT,
        "responses": RESPONSES,
        "embeddings": EMBEDDINGS,
        "audio/speech": SPEECH,
        "audio/transcriptions": TRANSCRIPTIONS,
        "audio/translations": TRANSLATIONS,
    }
)
"""By the label of the route."""

UNSERVED: Final = frozenset(
    {
        "access_programs",
        "audio",
        "background_options",
        "context_management",
        "image",
        "moderation",
        "prediction",
    }
)
"""Documented fields that let more models run, or make more than text, or more of it than was asked for (what
is rejected of a prediction): nothing here knows what they cost.
"""

ELSEWHERE: Final = frozenset({"url", "known_speaker_references"})
"""Fields of a form that name audio which is not its file: how long that is, is not known beforehand."""

MESSAGE: Final = _names(
    """annotations audio content executed_tools function_call name reasoning refusal role tool_call_id
    tool_calls"""
)
"""Of a chat message, answers that are sent back as they came included."""
