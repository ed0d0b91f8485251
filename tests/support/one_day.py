"""No test begins shortly before midnight in UTC: gateways that tests start are on the machine's clock, and
what they count by the day and by the month would begin anew in the test's midst.
"""

import time
from collections.abc import Generator
from typing import Final

import pytest

DAY_S: Final = 86_400
LONGEST_S: Final = 150.0
"""What a test takes on a busy machine."""


def wait_s(now_s: float) -> float:
    """How long a test waits that is to begin at a time (Unix seconds)."""
    left_s = DAY_S - now_s % DAY_S
    return left_s + 1 if left_s < LONGEST_S else 0  # and a second, as clocks are set right


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Waits before any of its time counts."""
    time.sleep(wait_s(time.time()))
    return (yield)
