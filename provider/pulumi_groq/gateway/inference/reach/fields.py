"""The fields of each JSON route, as the `groq` and `openai` packages document them.

A test holds the lists against the installed packages: each of their fields is here, and nothing else is.
"""

from types import MappingProxyType
from typing import Final


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
    {"access_programs", "audio", "background_options", "context_management", "image", "moderation"}
)
"""Documented fields that let more models run, or make more than text: nothing here knows what they cost."""

ELSEWHERE: Final = frozenset({"url", "known_speaker_references"})
"""Fields of a form that name audio which is not its file: how long that is, is not known beforehand."""

MESSAGE: Final = _names(
    """annotations audio content executed_tools function_call name reasoning refusal role tool_call_id
    tool_calls"""
)
"""Of a chat message, answers that are sent back as they came included."""
