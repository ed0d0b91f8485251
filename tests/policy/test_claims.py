"""Which claims fit."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.policy.claims import unfit_claims


@pytest.mark.parametrize(
    ("value", "declared", "fits"),
    [
        ("repo:acme/infra:ref:refs/heads/main", "repo:acme/infra:ref:refs/heads/main", True),
        ("repo:acme/infra:ref:refs/heads/main2", "repo:acme/infra:ref:refs/heads/main", False),
        ("repo:acme/infra", "repo:acme/*", False),  # exact: a star is a star
        ("repo:acme/*", "repo:acme/*", True),
        (["a", "b"], "b", True),
        (["a", "b"], "a,b", False),
        ([], "", False),
        (True, "true", True),
        (7, "7", True),
        (None, "null", False),
        ({"a": "b"}, "b", False),
    ],
)
def test_an_exact_claim(value: Any, declared: str, fits: bool) -> None:
    """Texts fit whole, lists by an element, numbers and booleans as JSON writes them."""
    assert (unfit_claims({"c": value}, {"c": declared}, {}) == []) == fits


@pytest.mark.parametrize(
    ("value", "pattern", "fits"),
    [
        ("repo:acme/infra:environment:prod", "repo:acme/*:environment:prod", True),
        ("repo:acme/infra:environment:prod", "repo:acme/*", False),
        ("repo:acme/infra:ref:x:environment:prod", "repo:acme/*:environment:prod", False),
        ("repo:acmex/infra:environment:prod", "repo:acme/*:environment:prod", False),
        ("xrepo:acme/i", "repo:acme/*", False),
        ("repo:acme/i\n", "repo:acme/i", False),
        ("refs/heads/release/1.2", "refs/heads/release/*", True),
        ("axb", "a.b", False),
        ("aba", "ab*ba", False),
        ("abba", "ab*ba", True),
        ("a" * 60, "*a" * 30, True),
        ("a" * 5_000, "*a" * 500 + "*b", False),
    ],
)
def test_a_pattern(value: str, pattern: str, fits: bool) -> None:
    """A star stands for any characters but a colon, and the whole value has to fit; no value takes long."""
    assert (unfit_claims({"c": value}, {}, {"c": pattern}) == []) == fits


def test_every_declared_claim_has_to_fit() -> None:
    """What does not is named; claims that nobody declared do not matter."""
    claims = {"a": "1", "b": "2", "other": "3"}
    assert unfit_claims(claims, {"a": "1", "missing": "1"}, {"b": "3*"}) == ["b", "missing"]


@given(st.text(alphabet="ab:*/.", max_size=12), st.text(alphabet="ab:/.", max_size=12))
def test_a_pattern_never_lets_a_star_pass_a_colon(pattern: str, value: str) -> None:
    """What fits has as many colons as the pattern, and each part fits the pattern's part."""
    if unfit_claims({"c": value}, {}, {"c": pattern}) == []:
        parts, wanted = value.split(":"), pattern.split(":")
        assert len(parts) == len(wanted)
        for part, want in zip(parts, wanted, strict=True):
            assert unfit_claims({"c": part}, {}, {"c": want}) == []


@given(st.text(alphabet="ab:*/.\n", max_size=12), st.text(alphabet="ab:/.\n", max_size=12))
def test_a_pattern_fits_as_the_regular_expression_that_says_the_same(pattern: str, value: str) -> None:
    """Whatever the pieces between the stars are."""
    said = re.compile("[^:]*".join(re.escape(piece) for piece in pattern.split("*")))
    assert (unfit_claims({"c": value}, {}, {"c": pattern}) == []) == (said.fullmatch(value) is not None)
