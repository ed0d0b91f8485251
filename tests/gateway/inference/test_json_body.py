"""JSON bodies have one meaning, or are refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.call_fields import read_json_object, with_usage_requested


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"model"',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"temperature": NaN}',
        b'{"temperature": -Infinity}',
        b'{"model": "\xff"}',
        b'{"n": ' + b"1" * 5000 + b"}",
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"{} {}",
    ],
)
def test_what_is_no_json_object_is_400(body: bytes) -> None:
    """Whatever is not one strict JSON object in UTF-8 is refused."""
    with pytest.raises(Refusal) as caught:
        read_json_object(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"seed": 123456789012345678901234567890}',
        b'{"user": "\\ud800"}',
        b'{"user": "\\ud83d\\ude00 \x7f"}',
        b'{"tools": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"temperature": 0.30000000000000004, "top_p": 1e-320}',
    ],
)
def test_what_parsers_differ_in_is_read_as_json_says(body: bytes) -> None:
    """Large integers, half surrogate pairs, deep nesting and the last digits of a number are kept."""
    assert read_json_object(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"cheap","model":"dear"}',
        b'{"compound_custom":{"models":{"answering_model":"dear","answering_model":"cheap"}}}',
        b'{"compound_custom":{"models":{"answering_model":"dear"},"models":{}}}',
        b'{"compound_custom":{"tools":{"enabled_tools":["free"],"enabled_tools":["dear"]}}}',
        b'{"model":"cheap","\\u006dodel":"dear"}',
        b'{"\\u006dodel":"cheap","\\u006dode\\u006c":"dear"}',
        b'{"stream":true,"x":1,"stream":false}',
        b'{"max_tokens":1,"max_tokens":1.0}',
        b'{"n":1,"n":true}',
        b'{"metadata":{"n":1,"n":2}}',
        b'{"model" :"cheap","model"\n:"dear"}',
        b'{"stream_options":{"include_usage":true},"stream_options":{"include_usage":false}}',
    ],
)
def test_a_repeated_metered_key_is_400(body: bytes) -> None:
    """Two values for one metered key are refused, however the second is spelled."""
    with pytest.raises(Refusal, match="appears twice"):
        read_json_object(body)


@pytest.mark.parametrize(
    "name", ["Model", "MODEL", "max_to\u212aens", "\u017ftream", "Max_Completion_Tokens"]
)
def test_another_spelling_of_a_metered_key_is_400(name: str) -> None:
    """Parsers that ignore case would obey these keys, so they are refused."""
    with pytest.raises(Refusal, match="in lower case"):
        read_json_object(json.dumps({"model": "cheap", name: 1}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","metadata":{"model":"other"},"tools":[{"input":1},{"input":2}]}',
        b'{"model":"m","model":"m"}',
        b'{"model":"m","extra":1,"extra":2}',
        b'{"model":"m","text":"\\u0041 \\"model\\": 1, \\"model\\": 2"}',
    ],
)
def test_harmless_repeats_pass(body: bytes) -> None:
    """Equal repeats, repeats in other objects or texts, and repeats of unmetered keys pass."""
    assert read_json_object(body) == json.loads(body)


def test_the_usage_is_asked_for_without_touching_other_bytes() -> None:
    """Without stream_options the body keeps its bytes, and gains one member in front."""
    body = b' {"model":"m", "seed": 1.10, "x":"\\u00e9"}'
    changed = with_usage_requested(body, json.loads(body))
    assert changed == b'{"stream_options":{"include_usage":true},"model":"m", "seed": 1.10, "x":"\\u00e9"}'


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_obfuscation": True}])
def test_the_usage_is_asked_for_beside_other_options(options: Any) -> None:
    """Existing stream options stay, with include_usage set."""
    body = json.dumps({"model": "m", "stream_options": options}).encode()
    changed = json.loads(with_usage_requested(body, json.loads(body)))
    assert changed["stream_options"] == {**(options or {}), "include_usage": True}


def test_what_is_written_anew_is_json(bench: Callable[..., Any]) -> None:
    """A number that no double holds is refused, rather than sent on as Infinity."""
    body = b'{"model":"openai/gpt-oss-20b","messages":[],"stream":true,"stream_options":{},"top_p":1e400}'
    made = bench()
    answer = made.post("chat/completions", body)
    assert (answer.status, made.echo.calls.total()) == (400, 0)


@pytest.mark.parametrize("value", ["\ud800", "\U0001f600\ud83d"])
def test_a_lone_surrogate_is_no_server_error(bench: Callable[..., Any], value: str) -> None:
    """Half a character in the model's name is a 403 like any other unknown name."""
    body = json.dumps({"model": value, "messages": []}).encode()
    assert bench().post("chat/completions", body).status == 403
