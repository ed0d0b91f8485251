"""Durations print as Go prints them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.policy.limits import go_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.000_000_001, "1ns"),
        (0.000_001_5, "1.5µs"),
        (0.001, "1ms"),
        (0.547, "547ms"),
        (0.5473, "547.3ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (2, "2s"),
        (8 / 30 * 60, "16s"),
        (60, "1m0s"),
        (86.4, "1m26.4s"),
        (120, "2m0s"),
        (172.8, "2m52.8s"),
        (512.784, "8m32.784s"),
        (3600, "1h0m0s"),
        (3661.25, "1h1m1.25s"),
        (86_400, "24h0m0s"),
    ],
)
def test_a_duration_prints_as_go_prints_it(seconds: float, text: str) -> None:
    """Each form of Go's time.Duration text, from the published captures and Go's rules."""
    assert go_duration(seconds) == text


@given(st.integers(0, 10**17))
def test_the_text_reads_back_as_the_same_time(nanoseconds: int) -> None:
    """Every whole number of nanoseconds below three years survives printing, to float precision."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|µs|ns)", go_duration(nanoseconds / 1e9))
    read_back = sum(float(number) * units[unit] for number, unit in parts)

    assert read_back == pytest.approx(nanoseconds / 1e9, rel=1e-12, abs=1.1e-9)
