"""The waits between attempts, as tables."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.admin.retry import Backoff, retry_after_s

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("retry", "fraction", "expected_s"),
    [
        (0, 1.0, 0.25),
        (1, 1.0, 0.5),
        (2, 1.0, 1.0),
        (4, 1.0, 4.0),
        (5, 1.0, 8.0),
        (6, 1.0, 8.0),
        (100_000, 1.0, 8.0),
        (4, 0.5, 2.0),
        (4, 0.0, 0.0),
    ],
)
def test_backoff_doubles_up_to_its_cap(retry: int, fraction: float, expected_s: float) -> None:
    """The longest wait doubles from the base to the cap, and the draw spreads over all of it."""
    assert expected_s == Backoff(base_s=0.25, cap_s=8.0).delay_s(retry, fraction)


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:07 GMT"}, 7.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        (
            {"retry-after": "Mon, 23 Nov 2026 15:00:07 GMT", "date": "Mon, 23 Nov 2026 15:00:00 GMT"},
            7.0,
        ),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], expected_s: float | None) -> None:
    """Seconds, fractions, milliseconds and dates are read; a date counts from the server's own clock."""
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert expected_s == retry_after_s(httpx.Headers(encoded), NOW)


@given(wait_s=st.integers(min_value=0, max_value=10_000_000))
def test_any_date_ahead_is_a_wait_of_that_many_seconds(wait_s: int) -> None:
    """A date n seconds ahead is a wait of n seconds."""
    until = format_datetime(NOW + timedelta(seconds=wait_s), usegmt=True)
    assert wait_s == retry_after_s(httpx.Headers({"retry-after": until}), NOW)


@given(text=st.text(max_size=60))
def test_any_header_is_a_wait_or_none(text: str) -> None:
    """No header value raises, and none gives a negative wait."""
    wait_s = retry_after_s(httpx.Headers([(b"retry-after", text.encode("utf-8", "replace"))]), NOW)
    assert wait_s is None or wait_s >= 0
