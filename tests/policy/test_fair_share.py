"""What each key may have of a limit that all of them share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.policy.fair_share import Claim, entitlement

claims = st.dictionaries(
    st.sampled_from("abcdefgh"), st.builds(Claim, st.integers(1, 100), st.integers(1, 10**6)), min_size=1
)


def test_a_greedy_key_gets_what_the_modest_ones_leave() -> None:
    """Three ask for 100 of 1,000; the fourth may have 700, and each of the three its whole share."""
    of = {"greedy": Claim(1, 10_000), "a": Claim(1, 100), "b": Claim(1, 100), "c": Claim(1, 100)}

    assert entitlement(1_000, of, "greedy") == 700
    assert entitlement(1_000, of, "a") == 250


def test_weights_divide_what_all_want() -> None:
    """A key of twice the weight gets twice as much."""
    of = {"a": Claim(2, 10_000), "b": Claim(1, 10_000), "c": Claim(1, 10_000)}

    assert [entitlement(1_000, of, name) for name in "abc"] == [500, 250, 250]


@given(limit=st.integers(1, 10**6), of=claims)
def test_nobody_is_entitled_to_less_than_its_weight_says(limit: int, of: dict[str, Claim]) -> None:
    """Whatever the others ask for."""
    total = sum(claim.weight for claim in of.values())
    for name, claim in of.items():
        assert entitlement(limit, of, name) >= limit * claim.weight / total * (1 - 1e-9)


@given(limit=st.integers(1, 10**6), of=claims)
def test_what_is_given_out_fits_the_limit_and_leaves_nothing_that_is_wanted(
    limit: int, of: dict[str, Claim]
) -> None:
    """Of what each asks for, up to its entitlement."""
    given_out = sum(min(claim.asked, entitlement(limit, of, name)) for name, claim in of.items())
    wanted = sum(claim.asked for claim in of.values())

    assert given_out == pytest.approx(min(limit, wanted))
