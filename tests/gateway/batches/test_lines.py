"""Each line of an input file is held to the key's models and rules, and to one reading."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_bench import MODEL, line
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches import lines as batch_lines
from pulumi_groq.gateway.batches.lines import LineReader, worst_costs_micro_usd
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess
from pulumi_groq.policy.access import KeyAccess, Limits
from work_time import work_time

CATALOGUE = Catalogue.load()
KEY = KeyAccess(
    "key_1", "k", "key_1", None, frozenset({MODEL, "openai/gpt-oss-120b"}), Limits(), None, None, False
)


@pytest.fixture
def read() -> Callable[..., LineReader]:
    """Reads a whole file."""

    def whole(content: bytes, key: KeyAccess = KEY, pieces: int = 1) -> LineReader:
        reader = LineReader(key, ModelAccess(CATALOGUE), ToolAccess(CATALOGUE))
        step = max(1, -(-len(content) // pieces))
        for at in range(0, len(content), step):
            reader.feed(content[at : at + step])
        reader.finish()
        return reader

    return whole


def changed(**fields: Any) -> bytes:
    """A line with other fields; `None` leaves one out."""
    request = {**json.loads(line()), **fields}
    return json.dumps({name: value for name, value in request.items() if value is not None}).encode()


@pytest.mark.parametrize("pieces", [1, 2, 7, 10_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_file_is_read_the_same_however_it_arrives(read: Any, pieces: int, end: bytes) -> None:
    """Pieces may end anywhere, and the last line may have no end."""
    content = line(0) + line(1, content="é" * 30) + line(2).rstrip() + end
    reader = read(content, pieces=pieces)
    assert reader.lines == 3
    assert {model: sums[0] for model, sums in reader.worst.items()} == {MODEL: 3}


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 5000)), min_size=1, max_size=20))
def test_worst_case_is_no_less_than_that_of_each_line(requests: list[tuple[int, int]]) -> None:
    """The price of all is at least the sum of what each may cost at the batch price, rounded up by itself."""
    model = CATALOGUE.get(MODEL)
    assert model is not None
    reader = LineReader(KEY, ModelAccess(CATALOGUE), ToolAccess(CATALOGUE))
    total = 0
    for number, (length, most_tokens) in enumerate(requests):
        one = LineReader(KEY, ModelAccess(CATALOGUE), ToolAccess(CATALOGUE))
        written = line(number, content="x" * length, most_tokens=most_tokens)
        one.feed(written)
        reader.feed(written)
        ((_, prompt, completion, *_),) = one.worst.values()
        total += model.cost_micro_usd(prompt_tokens=prompt, completion_tokens=completion, batch=True)
    assert total <= sum(worst_costs_micro_usd(reader.worst, CATALOGUE).values()) <= total + len(requests)


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "empty line": b"",
    "not UTF-8": b'{"custom_id": "\xff"}',
    "NaN": changed(body={"model": MODEL}).replace(b'"model"', b'"seed": NaN, "model"'),
    "twice": changed().replace(b'"custom_id"', b'"custom_id": "a", "custom_id"'),
    "body twice": changed().replace(b'"body":', b'"body": {"model": "openai/gpt-oss-120b"}, "body":'),
    "model twice below": changed().replace(b'"model":', b'"model": "openai/gpt-oss-120b", "model":'),
    "nested too deeply": b"[" * 100_000,
    "unknown key": changed(priority=1),
    "no custom_id": changed(custom_id=None),
    "empty custom_id": changed(custom_id=""),
    "number as custom_id": changed(custom_id=7),
    "long custom_id": changed(custom_id="x" * 513),
    "other method": changed(method="GET"),
    "other url": changed(url="/v1/embeddings"),
    "full url": changed(url="https://api.groq.com/v1/chat/completions"),
    "no body": changed(body=None),
    "text as body": changed(body="hello"),
    "no model": changed(body={"messages": []}),
    "stream": line(stream=True).rstrip(),
    "unknown field": line(frobnicate=1).rstrip(),
    "other spelling": line(Model=MODEL).rstrip(),
    "a line's end of others": changed().replace(b'"body":', b'"body":\r'),
    "two of them at its end": changed() + b"\r\r",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_line_is_named_by_its_number(read: Any, bad: bytes) -> None:
    """400, with the line's number, and the connection ends: the rest of the file is not read."""
    with pytest.raises(Refusal) as refused:
        read(line(1) + line(2) + bad + b"\n" + line(3))
    assert refused.value.status == 400
    assert refused.value.detail.message.startswith("Line 3 of the file: ")
    assert (b"connection", b"close") in refused.value.headers


def test_lines_may_end_as_on_windows(read: Any) -> None:
    """The last one, too, with or without its line feed."""
    for end in (b"", b"\r", b"\r\n"):
        assert read(line(1).replace(b"\n", b"\r\n") + line(2).rstrip() + end).lines == 2


def test_repeated_custom_id_is_refused(read: Any) -> None:
    """Results could not be told apart."""
    with pytest.raises(Refusal, match=r"Line 2 .* earlier line"):
        read(line(1) + line(1))


def test_custom_ids_of_any_text_are_told_apart(read: Any) -> None:
    """Lone surrogates too, which are no UTF-8; the same one twice is refused."""
    first, second = (line(0).replace(b'"r0"', b'"\\ud80%d"' % number) for number in range(2))
    assert read(first + second).lines == 2
    with pytest.raises(Refusal, match="Line 2 of the file: custom_id stands"):
        read(first + first)


def test_a_line_that_comes_byte_by_byte_is_not_read_over_and_over(read: Any) -> None:
    """A megabyte in single bytes takes its time four times over for four times the bytes, not sixteen."""

    def in_bytes(kilobytes: int) -> None:
        content = line(0, content="x" * kilobytes * 1024)
        read(content, pieces=len(content))

    assert work_time(lambda: in_bytes(400), lambda: in_bytes(100)).times_little < 8


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_file_is_refused(read: Any, content: bytes) -> None:
    """A batch of nothing is a mistake."""
    with pytest.raises(Refusal):
        read(content)


def test_model_outside_the_keys_list_is_403(read: Any) -> None:
    """As in a request of its own."""
    with pytest.raises(Refusal, match=r"Line 2 .*not available") as refused:
        read(line(1) + line(2, model="llama-3.3-70b-versatile"))
    assert (refused.value.status, refused.value.detail.code) == (403, "model_not_available")


def test_tool_needs_the_permission_and_is_remembered(read: Any) -> None:
    """What a line may do beyond its body is kept with the file: the key may have lost it by the creation."""
    url = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    vision = line(1, model="qwen/qwen3.8-27b", messages=[{"role": "user", "content": url}])
    key = replace(KEY, models=frozenset({"qwen/qwen3.8-27b"}))
    with pytest.raises(Refusal) as refused:
        read(vision, key)
    assert (refused.value.status, refused.value.detail.code) == (403, "tool_not_allowed")
    permitted = replace(key, tools=frozenset({refused.value.detail.message.split("`")[1]}))
    assert read(vision, permitted).needs == permitted.tools


def test_line_and_file_have_limits(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end is refused before it is held whole, and so is one line too many."""
    with pytest.raises(Refusal, match=r"Line 1 .* longer than"):
        read(b"x" * (batch_lines.LONGEST_LINE_BYTES + 2), pieces=50)
    monkeypatch.setattr(batch_lines, "MOST_LINES", 3)
    with pytest.raises(Refusal, match="at most 3 requests"):
        read(b"".join(map(line, range(4))))
