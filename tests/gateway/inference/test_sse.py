"""Streams keep their bytes and lose only the chunk that was not asked for."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.inference.charge import TokenUsage, UnreadableUsageError, usage_of
from pulumi_groq.gateway.inference.sse import FRAME_LIMIT_BYTES, SseUsageScanner

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
EXPECTED = TokenUsage(prompt=7, cached=2, completion=3)


def frame(value: Any, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(value).encode() + end


CONTENT = [
    frame({"choices": [{"delta": {"role": "assistant", "content": ""}}], "x_groq": {"id": "req_1"}}),
    frame({"choices": [{"delta": {"content": 'he said "usage": {} and data: [DONE]\n\n'}}]}),
    frame({"choices": [{"delta": {"content": "\u00e9\U0001f600"}}]}),
]
FINISH = frame({"choices": [{"delta": {}, "finish_reason": "stop"}]})
EXTRA = frame({"choices": [], "usage": USAGE})
DONE = b"data: [DONE]\n\n"
STREAM = b"".join([*CONTENT, FINISH, EXTRA, DONE])


def relayed(stream: bytes, cuts: list[int], *, hide: bool) -> tuple[bytes, SseUsageScanner]:
    relay = SseUsageScanner(hide_usage=hide)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    out = b"".join(relay.feed(stream[one:two]) for one, two in pairwise(places))
    return out + relay.rest(), relay


@given(cuts=st.lists(st.integers(min_value=0), max_size=60))
def test_any_cut_gives_the_usage_and_hides_the_extra_chunk(cuts: list[int]) -> None:
    """However the upstream's bytes are cut, the usage is read and only the extra chunk is missing."""
    out, relay = relayed(STREAM, cuts, hide=True)
    assert out == b"".join([*CONTENT, FINISH, DONE])
    assert usage_of(relay.stating_event()) == EXPECTED


@given(cuts=st.lists(st.integers(min_value=0), max_size=60))
def test_nothing_is_hidden_from_who_asked(cuts: list[int]) -> None:
    """With include_usage asked for, every byte passes."""
    out, relay = relayed(STREAM, cuts, hide=False)
    assert (out, usage_of(relay.stating_event())) == (STREAM, EXPECTED)


@given(cuts=st.lists(st.integers(min_value=0), max_size=60))
def test_carriage_returns_are_kept(cuts: list[int]) -> None:
    """Frames that end with CR LF are frames too."""
    stream = STREAM.replace(b"\n\n", b"\r\n\r\n")
    out, relay = relayed(stream, cuts, hide=True)
    assert out == b"".join([*CONTENT, FINISH, DONE]).replace(b"\n\n", b"\r\n\r\n")
    assert usage_of(relay.stating_event()) == EXPECTED


@given(stream=st.binary(max_size=300), cuts=st.lists(st.integers(min_value=0), max_size=20))
def test_garbage_passes_unchanged(stream: bytes, cuts: list[int]) -> None:
    """What is no event stream at all comes out as it went in."""
    assert relayed(stream, cuts, hide=True)[0] == stream


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [{"delta": {}}], "usage": USAGE, "x_groq": {"usage": USAGE}},
        {"choices": [{"delta": {}}], "x_groq": {"id": "r", "usage": USAGE}},
        {
            "type": "response.completed",
            "response": {
                "usage": {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}
            },
        },
    ],
)
def test_usage_is_found_in_each_of_its_places(last: dict[str, Any]) -> None:
    """Groq states usage at the top, in x_groq, or in the finished response; such chunks are not hidden."""
    stream = CONTENT[0] + frame(last)
    out, relay = relayed(stream, [], hide=True)
    assert (out, usage_of(relay.stating_event())) == (stream, EXPECTED)


def test_tokens_are_counted_by_frames_and_size() -> None:
    """Without usage the count is one token a frame at least, more where frames carry more."""
    relay = SseUsageScanner(hide_usage=True)
    relay.feed(CONTENT[0])
    for _ in range(9):
        relay.feed(frame({"choices": [{"delta": {"role": "assistant", "content": "x" * 400}}]}))
    assert relay.counted_tokens > 9 * 80


def test_a_frame_beyond_the_limit_passes_in_pieces() -> None:
    """A frame that never ends is not kept in memory."""
    relay = SseUsageScanner(hide_usage=True)
    passed = sum(len(relay.feed(b"x" * 65_536)) for _ in range(64))
    assert passed > 63 * 65_536 - FRAME_LIMIT_BYTES


def test_usage_is_read_behind_all_that_a_window_of_context_holds() -> None:
    """The event that ends a response repeats its instructions, each character escaped at worst."""
    usage = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}
    last = {"type": "response.completed", "response": {"instructions": "\u754c" * 131_072, "usage": usage}}
    stream = CONTENT[0] + frame(last)
    out, relay = relayed(stream, list(range(0, len(stream), 65_536)), hide=False)
    assert (out, usage_of(relay.stating_event())) == (stream, EXPECTED)


def test_the_extra_chunk_is_hidden_end_to_end(bench: Callable[..., Any]) -> None:
    """Who did not ask for usage sees no chunk without choices; the usage is settled all the same."""
    made = bench()
    body = {"model": "openai/gpt-oss-20b", "stream": True, "messages": [{"role": "user", "content": "a b c"}]}
    answer = made.post("chat/completions", json.dumps(body).encode())
    assert b'"choices":[]' not in answer.body
    assert answer.body.endswith(DONE)
    [settled] = made.metering.settled
    assert settled.consumption.completion_tokens == 3


@pytest.mark.parametrize("hide", [True, False])
def test_a_usage_in_an_event_that_is_no_json_is_unreadable(*, hide: bool) -> None:
    """An event that states a usage and is cut off or garbled does not leave an earlier one standing."""
    for last in (EXTRA[:-10] + b"\n\n", EXTRA[:-2] + b"garbage\n\n"):
        _, relay = relayed(b"".join([*CONTENT, EXTRA, last, DONE]), [], hide=hide)
        for _ in range(2):  # asking does not make it readable
            with pytest.raises(UnreadableUsageError):
                relay.stating_event()


def test_the_last_usage_counts() -> None:
    """Some upstreams count up in every event."""
    earlier = frame({"choices": [], "usage": {**USAGE, "completion_tokens": 1}})
    for hide in (True, False):
        _, relay = relayed(b"".join([earlier, *CONTENT, EXTRA, DONE]), [], hide=hide)
        assert usage_of(relay.stating_event()) == EXPECTED


@pytest.mark.parametrize("hide", [True, False])
def test_a_usage_of_something_else_hides_no_stated_one(*, hide: bool) -> None:
    """A later event may tell of the parts of what is stated."""
    parts = frame({"choices": [], "usage_breakdown": {"models": [{"model": "m", "usage": USAGE}]}})
    _, relay = relayed(b"".join([*CONTENT, EXTRA, parts, DONE]), [], hide=hide)
    assert usage_of(relay.stating_event()) == EXPECTED
    _, relay = relayed(b"".join([*CONTENT, parts, DONE]), [], hide=hide)
    assert relay.stating_event() is None


ENDS = [
    ("response.completed", {"response": {"usage": {"input_tokens": 7, "output_tokens": 3}}}),
    ("response.incomplete", {"response": {}}),
    ("response.failed", {"response": {"usage": None}}),
    ("transcript.text.done", {"text": "hello", "usage": {"type": "duration", "seconds": 3}}),
    ("speech.audio.done", {"usage": {"input_tokens": 3}}),
    ("error", {"message": "overloaded"}),
]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n", b""])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("kind", "data"), ENDS)
@given(cuts=st.lists(st.integers(min_value=0), max_size=5))
def test_the_last_event_of_each_kind_ends_a_stream(
    kind: str, data: dict[str, Any], end: bytes, cuts: list[int], *, named: bool
) -> None:
    """By its name, or by the type in its data where events have no names; no other event does."""
    other = frame({"type": "response.output_text.delta", "delta": 'data: {"type":"response.completed"}'})
    last = (f"event: {kind}\n".encode() if named else b"") + frame({"n": 1, "type": kind, **data}, end)
    ended = relayed(other + last, cuts, hide=False)[1]
    assert (ended.ended, ended.failed) == (True, kind in ("response.failed", "error"))
    assert not relayed(other, cuts, hide=False)[1].ended
