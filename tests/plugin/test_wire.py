"""Property bags of the engine, there and back."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.lifecycle.properties import UNKNOWN
from pulumi_groq.plugin.wire import OUTPUT, SECRET, SENTINELS, SIGNATURE, received, sent

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def struct(**values: Any) -> Struct:
    """`values` as protobuf has them, signatures included."""
    made = Struct()
    made.update(values)
    return made


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_values_come_back_as_they_were_sent(values: dict[str, Any]) -> None:
    """Whatever the plugin sends reads the same, unknowns at any depth included, unless it is a sentinel."""
    assert received(sent(values)).values == values


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_every_sentinel_is_unknown_at_any_depth(sentinel: str) -> None:
    """All seven kinds of unknown arrive as the one that lifecycles know."""
    came = received(struct(top=sentinel, list=[1, sentinel], map={"inner": {"deep": sentinel}}))
    assert came.values == {"top": UNKNOWN, "list": [1, UNKNOWN], "map": {"inner": {"deep": UNKNOWN}}}


def test_secrets_are_opened_and_their_paths_kept() -> None:
    """A secret in a mapping is marked where it stands; one in a list makes the list secret."""
    secret = {SIGNATURE: SECRET, "value": "hush"}
    came = received(struct(name=secret, labels={"a": secret, "b": "seen"}, urls=["seen", secret]))
    assert came.values == {"name": "hush", "labels": {"a": "hush", "b": "seen"}, "urls": ["seen", "hush"]}
    assert came.secrets == {("name",), ("labels", "a"), ("urls",)}


def test_nested_secrets_keep_their_marks() -> None:
    """What came as a secret goes back as one, at the same place."""
    values = {"labels": {"a": "hush", "b": "seen"}, "urls": ["x"]}
    paths = frozenset({("labels", "a"), ("urls",)})
    assert received(sent(values, paths)).secrets == paths
    assert received(sent(values, paths)).values == values


@pytest.mark.parametrize("secret", [True, False])
def test_output_values_are_read_as_what_they_hold(secret: bool) -> None:
    """An output value is its value, unknown where it has none, secret where it says so."""
    known = {SIGNATURE: OUTPUT, "value": 5.0, "secret": secret}
    unknown = {SIGNATURE: OUTPUT, "secret": secret}
    came = received(struct(known=known, unknown=unknown))
    assert came.values == {"known": 5, "unknown": UNKNOWN}
    assert came.secrets == ({("known",), ("unknown",)} if secret else frozenset())


def test_a_secret_that_is_unknown_stays_both() -> None:
    """An output that only the run gives is masked already in the preview."""
    came = received(sent({"apiKey": UNKNOWN}, {("apiKey",)}))
    assert came.values == {"apiKey": UNKNOWN}
    assert came.secrets == {("apiKey",)}


def test_what_has_no_place_on_the_wire_is_refused() -> None:
    """A value of no known kind is told by its type, never sent as something else."""
    with pytest.raises(TypeError, match="object has no place"):
        sent({"value": object()})
