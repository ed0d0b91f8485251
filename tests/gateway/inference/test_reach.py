"""What lets the upstream do or read more than the body says is permitted one by one, and reserved whole."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from typing import Any, get_type_hints

import groq.types
import groq.types.audio
import groq.types.chat.completion_create_params as groq_chat
import openai.types
import openai.types.audio
import openai.types.audio.transcription_create_params as openai_transcription
import openai.types.chat.completion_create_params as openai_chat
import openai.types.responses.response_create_params as openai_responses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.catalogue import Catalogue, ToolPrice
from pulumi_groq.gateway.batches.lines import ENDPOINT, LineReader
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.call_fields import read_json_object
from pulumi_groq.gateway.inference.permissions import REMOTE_USES, ModelAccess, ToolAccess
from pulumi_groq.gateway.inference.reach import reach_of
from pulumi_groq.gateway.inference.reach.needs import (
    CHAT,
    ELSEWHERE,
    EMBEDDINGS,
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    UNSERVED,
)

KEY = "pgq_" + "A" * 48
MODEL = "openai/gpt-oss-20b"
WINDOW, LONGEST = 131_072, 65_536
USES, FEE = 3, 5_000
HELLO = {"role": "user", "content": "hi"}
PAGE = "https://example.com/a"
MCP = {"type": "mcp", "server_label": "d", "server_url": "https://docs.example.com/mcp"}


def priced() -> Catalogue:
    """The shipped models, and two tools with prices."""
    price = ToolPrice(FEE, USES, date(2026, 11, 1), "an invoice")
    return Catalogue(Catalogue.load().models, {"browser_search": price, "web_search": price})


def chat(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "chat/completions", {"model": MODEL, "messages": [HELLO]} | fields


def says(*parts: Any) -> tuple[str, dict[str, Any]]:
    return chat(messages=[HELLO, {"role": "user", "content": [{"type": "text", "text": "a"}, *parts]}])


def responses(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "responses", {"model": MODEL, "input": "hi"} | fields


def takes(*parts: Any) -> tuple[str, dict[str, Any]]:
    return responses(input=[{"role": "user", "content": list(parts)}])


WITH_PERMISSION = [
    (chat(tools=[{"type": "browser_search"}]), "tools.0.type", "browser_search"),
    (chat(tool_choice={"type": "browser_search"}), "tool_choice.type", "browser_search"),
    (chat(tool_choice="browser_search"), "tool_choice", "browser_search"),
    (
        chat(compound_custom={"tools": {"enabled_tools": ["web_search"]}}),
        "compound_custom.tools.enabled_tools.0",
        "web_search",
    ),
    (chat(search_settings={"country": "germany"}), "search_settings", "web_search"),
    (chat(exclude_domains=["a.example"]), "exclude_domains", "web_search"),
    (chat(include_domains=["a.example"]), "include_domains", "web_search"),
    (chat(web_search_options={}), "web_search_options", "web_search"),
    (chat(store=True), "store", "stored_responses"),
    (chat(tools=[MCP]), "tools.0.server_url", "mcp:docs.example.com"),
    (
        says({"type": "image_url", "image_url": {"url": PAGE}}),
        "messages.1.content.1.image_url.url",
        "image_urls",
    ),
    (says({"type": "image_url", "image_url": PAGE}), "messages.1.content.1.image_url", "image_urls"),
    (says({"type": "file", "file": {"file_id": "f"}}), "messages.1.content.1.file.file_id", "file_ids"),
    (
        says({"type": "file", "file": {"file_data": "x"}}),
        "messages.1.content.1.file.file_data",
        "inline_files",
    ),
    (
        says({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA"}}),
        "messages.1.content.1.image_url.url",
        "inline_files",
    ),
    (responses(tools=[{"type": "web_search"}]), "tools.0.type", "web_search"),
    (responses(tools=[MCP]), "tools.0.server_url", "mcp:docs.example.com"),
    (responses(previous_response_id="resp_1"), "previous_response_id", "stored_responses"),
    (responses(conversation="conv_1"), "conversation", "stored_responses"),
    (responses(prompt={"id": "p"}), "prompt", "stored_responses"),
    (responses(store=True), "store", "stored_responses"),
    (responses(include=["web_search_call.action.sources"]), "include.0", "web_search"),
    (responses(input=[{"type": "item_reference", "id": "i"}]), "input.0.type", "stored_responses"),
    (responses(input=[{"id": "i"}]), "input.0", "stored_responses"),
    (responses(input=[{"type": "web_search_call", "id": "i"}]), "input.0.type", "web_search"),
    (takes({"type": "input_image", "image_url": PAGE}), "input.0.content.0.image_url", "image_urls"),
    (takes({"type": "input_image", "file_id": "f"}), "input.0.content.0.file_id", "file_ids"),
    (takes({"type": "input_file", "file_url": PAGE}), "input.0.content.0.file_url", "file_urls"),
    (takes({"type": "input_file", "file_id": "f"}), "input.0.content.0.file_id", "file_ids"),
    (takes({"type": "input_file", "file_data": "x"}), "input.0.content.0.file_data", "inline_files"),
    (
        responses(
            input=[
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": PAGE}],
                }
            ]
        ),
        "input.0.output.0.image_url",
        "image_urls",
    ),
]
"""A request, the field that is named, and the permission that lets it pass."""

NEVER = [
    (chat(tools=[{"type": "mcp", "server_label": "d"}]), "tools.0.server_url"),
    (chat(tools=[{"type": "Browser Search"}]), "tools.0.type"),
    (chat(tools=[{"type": "image_urls"}]), "tools.0.type"),
    (chat(moderation={"model": "m"}), "moderation"),
    (chat(prediction={"type": "content", "content": "x"}), "prediction"),
    (chat(modalities=["text", "audio"]), "modalities"),
    (chat(messages=[{"role": "assistant", "audio": {"id": "a"}}]), "messages.0.audio"),
    (chat(documents=[{"source": {"type": "url", "url": PAGE}}]), "documents.0.source.type"),
    (says({"type": "brand_new"}), "messages.1.content.1.type"),
    (
        says({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        "messages.1.content.1.image_url.url",
    ),
    (responses(context_management=[{"type": "compaction"}]), "context_management"),
    (responses(input=[{"type": "additional_tools", "tools": []}]), "input.0.type"),
    (
        responses(tools=[{"type": "web_search", "container": {"type": "auto", "file_ids": ["f"]}}]),
        "tools.0.container",
    ),
    (("embeddings", {"model": MODEL, "input": [{"image": PAGE}]}), "input"),
]
"""Requests that no permission lets pass."""


def error_of(answer: Any) -> tuple[int, str, str]:
    error = json.loads(answer.body)["error"]
    return answer.status, error["code"], error.get("param", "")


@pytest.mark.parametrize(("request_", "param", "permission"), WITH_PERMISSION)
def test_refused_by_default_and_reserved_whole_when_allowed(
    bench: Callable[..., Any], request_: Any, param: str, permission: str
) -> None:
    """403 names the field and nothing is sent; with the permission the most it can cost is reserved."""
    route, body = request_
    made = bench(catalogue=priced())
    assert error_of(made.post(route, json.dumps(body).encode())) == (403, "tool_not_allowed", param)
    assert (made.metering.settled, made.echo.calls) == ([], {})

    made.directory.add(KEY, tools=frozenset({permission}))
    assert made.post(route, json.dumps(body).encode()).status == 200
    uses = USES if permission.endswith("_search") else REMOTE_USES if permission.startswith("mcp:") else 0
    turns, fee = 1 + uses, FEE * uses if permission.endswith("_search") else 0
    tokens = priced().get(MODEL)
    assert tokens is not None
    most = tokens.cost_micro_usd(prompt_tokens=WINDOW * turns, completion_tokens=LONGEST * turns) + fee
    assert made.metering.settled[0].demand.cost_micro_usd == most


@pytest.mark.parametrize(("request_", "param"), NEVER)
def test_what_cannot_be_priced_is_never_permitted(
    bench: Callable[..., Any], request_: Any, param: str
) -> None:
    """Whatever the key is allowed."""
    route, body = request_
    made = bench(catalogue=priced())
    every = {permission for _, _, permission in WITH_PERMISSION}
    made.directory.add(KEY, tools=frozenset(every))
    if route == "embeddings":
        with pytest.raises(Refusal) as refused:
            reach_of(route, body)
        assert (refused.value.status, refused.value.detail.param) == (403, param)
        return
    assert error_of(made.post(route, json.dumps(body).encode())) == (403, "tool_not_allowed", param)
    assert made.echo.calls == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://docs.example.com/mcp",
        "https://docs.example.com.evil.example/",
        "https://docs.example.com@evil.example/",
        "https://evil.example\\@docs.example.com/",
        "https://docs.example.com:8443/",
        "https://docs.example.com./",
        "https://DOCS.example.com/",
        "https://docs.example.com\t/",
        " https://docs.example.com/",
        "https://docs.exämple.com/",
        "https://docs%2eexample.com/",
        "https://docs.example.com?@evil.example",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https:docs.example.com",
        "//docs.example.com/",
        "",
        None,
        5,
    ],
)
def test_only_the_listed_host_is_an_mcp_server(bench: Callable[..., Any], url: Any) -> None:
    """No second spelling, port, user or look-alike of a permitted host gets out."""
    made = bench()
    made.directory.add(KEY, tools=frozenset({"mcp:docs.example.com"}))
    _, body = chat(tools=[MCP | {"server_url": url}])
    answer = made.post("chat/completions", json.dumps(body).encode())
    assert answer.status in (400, 403)
    assert made.echo.calls == {}


@pytest.mark.parametrize("route", [chat, responses])
@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"Host": "evil.example"}},
        {"headers": {"a": "1", "X-Forwarded-Host": "evil.example"}},
        {"headers": {"forwarded": "host=evil.example"}},
        {"headers": {"x-original-url": "/other"}},
        {"headers": {":authority": "evil.example"}},
        {"headers": {"a\r\nhost": "evil.example"}},
        {"headers": {"a": "b\r\nhost: evil.example"}},
        {"headers": {"": "b"}},
        {"authorization": "b\r\nhost: evil.example"},
    ],
)
def test_no_header_leads_from_the_listed_host_to_another(route: Any, more: Any) -> None:
    """Where many share an address, `Host` says who answers; HTTP clients send the one they are given."""
    label, body = route(tools=[MCP | more])
    with pytest.raises(Refusal) as refused:
        reach_of(label, body)
    assert (refused.value.status, refused.value.detail.param) == (403, "tools.0.headers")


@pytest.mark.parametrize(
    "more", [{"headers": None}, {"headers": {"X-API-Key": "a b", "x-hostess": ""}}, {"authorization": "t"}]
)
def test_other_headers_pass_to_an_mcp_server(more: Any) -> None:
    """Among them what the server knows its caller by."""
    label, body = chat(tools=[MCP | more])
    assert reach_of(label, body) == {"mcp:docs.example.com": "tools.0.server_url"}


def test_function_tools_and_inline_content_need_nothing() -> None:
    """What the body holds whole is as cheap as before."""
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}}
    _, body = says(picture, {"type": "document", "document": {"data": {"a": 1}, "id": "1"}})
    body |= {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "documents": [{"source": {"type": "text", "text": "t"}}],
        "store": False,
    }
    assert reach_of("chat/completions", body) == {}
    _, body = responses(
        tools=[{"type": "function", **function}],
        tool_choice="auto",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "o"},
        ],
        include=["reasoning.encrypted_content"],
    )
    assert reach_of("responses", body) == {}


def test_a_compound_system_needs_the_tools_that_it_runs_unasked(bench: Callable[..., Any]) -> None:
    """Its model in the list is not enough."""
    compound = Catalogue.load().get("groq/compound")
    assert compound is not None
    assert compound.runs_tools == {"code_interpreter", "visit_website", "web_search"}
    known = Catalogue.load().get(MODEL)
    assert known is not None
    price = ToolPrice(FEE, USES, date(2026, 11, 1), "an invoice")
    made = bench(
        catalogue=Catalogue(
            (replace(compound, prices=known.prices, context_window=WINDOW),),
            dict.fromkeys(sorted(compound.runs_tools), price),
        )
    )
    made.directory.add(KEY, models=frozenset({"groq/compound"}), tools=frozenset({"web_search"}))
    body = json.dumps({"model": "groq/compound", "messages": [HELLO]}).encode()
    assert error_of(made.post("chat/completions", body)) == (403, "tool_not_allowed", "model")
    made.directory.add(KEY, models=frozenset({"groq/compound"}), tools=compound.runs_tools)
    assert made.post("chat/completions", body).status == 200


@pytest.mark.parametrize(
    ("answering", "status"),
    [(MODEL, 200), ("groq/compound", 200), ("openai/gpt-oss-120b", 400), ("allam-2-7b", 400)],
)
def test_a_compound_system_uses_no_model_that_costs_more_than_is_charged(
    bench: Callable[..., Any], answering: str, status: int
) -> None:
    """Nor one without a price: all is charged as the system's own tokens, in a batch, too."""
    shipped = Catalogue.load()
    compound, known = shipped.get("groq/compound"), shipped.get(MODEL)
    assert compound is not None
    assert known is not None
    price = ToolPrice(FEE, USES, date(2026, 11, 1), "an invoice")
    others = tuple(each for each in shipped.models if each.id != compound.id)
    catalogue = Catalogue(
        (replace(compound, prices=known.prices, context_window=WINDOW), *others),
        dict.fromkeys(sorted(compound.runs_tools), price),
    )
    made = bench(catalogue=catalogue)
    key = made.directory.add(KEY, models=frozenset({"groq/compound", answering}), tools=compound.runs_tools)
    _, body = chat(model="groq/compound", compound_custom={"models": {"answering_model": answering}})
    answer = made.post("chat/completions", json.dumps(body).encode())
    assert (answer.status, made.echo.calls.total()) == (status, int(status == 200))

    reader = LineReader(key, ModelAccess(catalogue), ToolAccess(catalogue))
    line = {"custom_id": "1", "method": "POST", "url": ENDPOINT, "body": body}
    with nullcontext() if status == 200 else pytest.raises(Refusal):
        reader.feed(json.dumps(line).encode() + b"\n")


def test_a_tool_that_lost_its_price_is_refused(bench: Callable[..., Any]) -> None:
    """What the key was allowed once can no longer be charged."""
    made = bench()
    made.directory.add(KEY, tools=frozenset({"browser_search"}))
    _, body = chat(tools=[{"type": "browser_search"}])
    answer = made.post("chat/completions", json.dumps(body).encode())
    assert error_of(answer) == (400, "tool_not_priced", "tools.0.type")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}],"content":"a"}]}',
        b'{"model":"m","messages":[],"tools":[{"type":"browser_search"}],"tools":null}',
        b'{"model":"m","messages":[],"tools":[{"type":"browser_search","type":"function"}]}',
        b'{"model":"m","messages":[{"content":[{"type":"file","type":"text","text":"a"}]}]}',
        b'{"model":"m","input":"a","previous_response_id":"r","previous_response_id":null}',
    ],
)
def test_a_hidden_second_value_is_refused(body: bytes) -> None:
    """The upstream may read the other one of two equal keys."""
    with pytest.raises(Refusal, match="appears twice"):
        read_json_object(body)


def documented(*types: Any) -> set[str]:
    return {name for each in types for name in get_type_hints(each)}


def test_the_fields_are_those_of_the_installed_clients() -> None:
    """A client's new field is looked at before it is let through."""
    assert (
        documented(
            groq_chat.CompletionCreateParams,
            openai_chat.CompletionCreateParamsNonStreaming,
        )
        == CHAT
    )
    assert documented(openai_responses.ResponseCreateParamsNonStreaming) == RESPONSES
    assert documented(groq.types.EmbeddingCreateParams, openai.types.EmbeddingCreateParams) == EMBEDDINGS
    assert documented(groq.types.audio.SpeechCreateParams, openai.types.audio.SpeechCreateParams) == SPEECH
    assert UNSERVED <= CHAT | RESPONSES
    assert (
        documented(
            groq.types.audio.TranscriptionCreateParams,
            openai_transcription.TranscriptionCreateParamsNonStreaming,
            openai_transcription.TranscriptionCreateParamsStreaming,
        )
        == TRANSCRIPTIONS
    )
    assert (
        documented(groq.types.audio.TranslationCreateParams, openai.types.audio.TranslationCreateParams)
        == TRANSLATIONS
    )
    assert ELSEWHERE <= TRANSCRIPTIONS


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([PAGE, "a", "browser_search", "mcp"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "url", "file_id", "x", "image_url"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    route=st.sampled_from(["chat/completions", "responses"]),
    part=st.dictionaries(
        st.sampled_from(["type", "text", "image_url", "file_id", "file", "url", "input_audio"]), values
    ),
)
def test_no_reference_passes_in_a_part(route: str, part: dict[str, Any]) -> None:
    """A part that names something elsewhere, at any depth, needs a permission or is refused."""
    holder = "messages" if route == "chat/completions" else "input"
    body = {"model": MODEL, holder: [{"role": "user", "content": [part]}]}
    try:
        needed = reach_of(route, body)
    except Refusal:
        return
    inline = part.get("type") in ("text", "input_audio", "document") or not _names(part)
    assert needed or inline


def _names(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("file_id") is not None or any(map(_names, value.values()))
    if isinstance(value, list):
        return any(map(_names, value))
    return bool(value == PAGE)


@given(
    kind=st.text(min_size=1, max_size=20)
    | st.sampled_from(["browser_search", "code_interpreter", "Function"]),
    route=st.sampled_from(["chat/completions", "responses"]),
    rest=st.dictionaries(
        st.sampled_from(["function", "name", "server_url", "container"]), values, max_size=2
    ),
)
def test_no_tool_but_the_callers_own_passes(kind: str, route: str, rest: dict[str, Any]) -> None:
    """Every other type of tool needs a permission or is refused."""
    if kind in ("function", "custom"):
        return
    body = {"model": MODEL, "messages" if "chat" in route else "input": [], "tools": [rest | {"type": kind}]}
    try:
        assert reach_of(route, body)
    except Refusal:
        return


@given(
    route=st.sampled_from(["chat/completions", "responses", "embeddings", "audio/speech"]),
    name=st.text(min_size=1, max_size=20),
    value=values,
)
def test_no_unknown_field_passes(route: str, name: str, value: Any) -> None:
    """At the top of any body."""
    if name in CHAT | RESPONSES | EMBEDDINGS | SPEECH:
        return
    with pytest.raises(Refusal) as refused:
        reach_of(route, {"model": MODEL, name: value})
    assert (refused.value.status, refused.value.detail.param) == (400, name)
