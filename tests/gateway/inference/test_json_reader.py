"""The quick reading of JSON is no other reading."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pulumi_groq.gateway.http.bodies import read_json
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.call_fields import read_json_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.builds(json.dumps, VALUES, ensure_ascii=st.booleans()).map(
    lambda text: text.encode(errors="surrogatepass")
)
"""Half surrogate pairs are written both as escapes and as the bytes that UTF-8 forbids."""


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A document of which some bytes were replaced."""
    document = bytearray(draw(DOCUMENTS))
    for place, piece in draw(st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=3)):
        at = place % (len(document) + 1)
        document[at : at + len(piece)] = piece
    return bytes(document)


def outcome(read: Callable[[bytes], Any], document: bytes) -> str:
    """What a reader makes of it, down to the type of each number."""
    try:
        return repr(read(document))
    except (ValueError, RecursionError, Refusal) as failure:
        return "refused" if isinstance(failure, Refusal) else "no JSON"


@given(document=DOCUMENTS | damaged())
def test_every_document_reads_as_with_json(document: bytes) -> None:
    """Whatever the bytes, the value is that of `json.loads`, or there is none."""
    assert outcome(read_json, document) == outcome(json.loads, document)


@given(document=DOCUMENTS | damaged())
def test_a_body_is_read_as_strict_json_is(document: bytes) -> None:
    """A request body means what `json` reads in strict UTF-8 without NaN and Infinity, or is refused."""
    assume(b'"n"' not in document.lower())  # a metered key, which must not be repeated or written large

    def strictly(body: bytes) -> Any:
        value = json.JSONDecoder(parse_constant=int).decode(body.decode())
        return value if isinstance(value, dict) else int("no object")

    expected = outcome(strictly, document)
    assert outcome(read_json_object, document) == ("refused" if expected == "no JSON" else expected)


@pytest.mark.parametrize(
    "document",
    [
        b'{"a": "\\ud800"}',
        b"[" * 400 + b"]" * 400,
        b"123456789012345678901234567890",
        "[1]".encode("utf-16"),
        b"\xef\xbb\xbf[1]",
        b"[NaN, -Infinity, 1e999]",
        b'{"a": 1, "a": 2}',
    ],
)
def test_what_the_quick_reader_lacks_is_read_all_the_same(document: bytes) -> None:
    """Oddities that `json.loads` takes are taken."""
    assert repr(read_json(document)) == repr(json.loads(document))
