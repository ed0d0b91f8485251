"""The official clients work unchanged against the gateway."""

import io
from collections.abc import Callable
from typing import Any

import groq
import openai
import pytest

KEY = "pgq_" + "A" * 48
MODEL = "openai/gpt-oss-20b"
MESSAGES: Any = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one two three"}]


@pytest.fixture(params=["groq", "openai"])
def clients(request: pytest.FixtureRequest, bench: Callable[..., Any], serving: Callable[..., str]) -> Any:
    """Both clients of one package, and the bench they talk to."""
    made = bench()
    base = serving(made.plane)
    if request.param == "groq":
        settings: Any = {"api_key": KEY, "base_url": base, "max_retries": 0}
        return groq.Groq(**settings), groq.AsyncGroq(**settings), made
    settings = {"api_key": KEY, "base_url": f"{base}/openai/v1", "max_retries": 0}
    return openai.OpenAI(**settings), openai.AsyncOpenAI(**settings), made


def test_chat(clients: Any) -> None:
    """A plain completion gives the echoed text and its usage."""
    sync, _, made = clients
    with sync:
        answer = sync.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content == "one two three"
    assert answer.usage.completion_tokens == 3
    assert made.metering.settled[0].consumption.completion_tokens == 3


def test_chat_stream(clients: Any) -> None:
    """A streamed completion arrives token by token; every chunk has its choice."""
    sync, _, made = clients
    with sync:
        stream = sync.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        texts = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert "".join(texts) == "one two three"
    assert made.metering.settled[0].consumption.completion_tokens == 3


async def test_async_chat(clients: Any) -> None:
    """The async client gets the same, streamed or not, and the usage chunk when it asks."""
    _, client, made = clients
    async with client:
        whole = await client.chat.completions.create(model=MODEL, messages=MESSAGES)
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=MESSAGES,
            stream=True,
            extra_body={"stream_options": {"include_usage": True}},
        )
        answer = whole, [chunk async for chunk in stream]

    whole, chunks = answer
    assert whole.choices[0].message.content == "one two three"
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 3)
    assert len(made.metering.settled) == 2


def test_models(clients: Any) -> None:
    """The clients list the key's models and fetch one whose id has a slash."""
    sync, _, _ = clients
    with sync:
        assert MODEL in [model.id for model in sync.models.list().data]
        assert sync.models.retrieve(MODEL).id == MODEL


def test_tools(clients: Any) -> None:
    """A demanded tool call comes back whole, streamed or not."""
    sync, _, _ = clients
    tool: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    with sync:
        asked: Any = {"model": MODEL, "messages": MESSAGES, "tools": [tool], "tool_choice": "required"}
        whole = sync.chat.completions.create(**asked)
        chunks = list(sync.chat.completions.create(**asked, stream=True))
    assert whole.choices[0].finish_reason == "tool_calls"
    assert whole.choices[0].message.tool_calls[0].function.name == "look_up"
    assert [chunk.choices[0].delta.tool_calls[0].id for chunk in chunks if chunk.choices[0].delta.tool_calls]


def test_audio(clients: Any) -> None:
    """Transcription and speech pass through and are charged by their units."""
    sync, _, made = clients
    with sync:
        audio = ("a.mp3", io.BytesIO(b"\x00" * 200_000))
        heard = sync.audio.transcriptions.create(
            model="whisper-large-v3-turbo", file=audio, response_format="verbose_json"
        )
        spoken = sync.audio.speech.create(
            model="canopylabs/orpheus-v1-english", voice="hannah", input="hello", response_format="wav"
        )
        sound = spoken.read()
    assert heard.text == "200000 bytes of audio."
    assert sound.startswith(b"RIFF")
    costs = [each.consumption.cost_micro_usd for each in made.metering.settled]
    # 100 s at 0.04 USD an hour; 5 characters at 22 USD a million.
    assert costs == [1112, 110]


def test_responses(bench: Callable[..., Any], serving: Callable[..., str]) -> None:
    """The responses API works whole and streamed, and is settled from its own usage."""
    made = bench()
    with openai.OpenAI(api_key=KEY, base_url=f"{serving(made.plane)}/openai/v1", max_retries=0) as client:
        whole = client.responses.create(model=MODEL, input="one two three")
        events = list(client.responses.create(model=MODEL, input="one two three", stream=True))
    assert whole.output_text == "one two three"
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [3, 3]


def test_errors_are_the_clients_own_classes(clients: Any) -> None:
    """Refusals arrive as the classes that callers of the packages catch."""
    sync, _, made = clients
    package = groq if isinstance(sync, groq.Groq) else openai
    with sync:
        with pytest.raises(package.PermissionDeniedError) as denied:
            sync.chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES)
        with pytest.raises(package.AuthenticationError):
            sync.with_options(api_key="pgq_none").models.list()
    assert denied.value.body["error" if package is groq else "code"]
    assert made.echo.calls.total() == 0


def test_a_broken_stream_raises_in_the_clients(bench: Callable[..., Any], clients: Any) -> None:
    """A stream that breaks off ends with an error that both packages raise, never as if it were whole."""
    sync, _, made = clients
    made.echo.script = type(made.echo.script)(fail_after=3)
    package = groq if isinstance(sync, groq.Groq) else openai
    with sync, pytest.raises(package.APIError, match="could not be reached"):
        list(sync.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))
    assert made.metering.settled[0].consumption.completion_tokens > 0
