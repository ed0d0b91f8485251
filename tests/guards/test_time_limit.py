"""Every test comes to an end, whatever it waits for."""

from pathlib import Path

import pytest

from pytest_within import run_pytest

HYPOTHESIS = """\
import threading

from hypothesis import given, strategies


@given(strategies.integers())
def test_it(_):
    threading.Event().wait()
"""
TEARDOWN = """\
import threading

import pytest


@pytest.fixture
def stuck():
    yield
    threading.Event().wait()


def test_it(stuck):
    threading.Event().wait()
"""


@pytest.mark.parametrize("test", [HYPOTHESIS, TEARDOWN], ids=["property", "teardown"])
def test_who_waits_for_ever_fails(tmp_path: Path, test: str) -> None:
    """A property test once, although Hypothesis plays failing examples again; a fixture at its end, too."""
    done = run_pytest(tmp_path, test, "time_limit", "--timeout=1")
    assert done.returncode == 1, done.stdout
    assert "took longer than 1 s" in done.stdout
    assert "1 failed" in done.stdout
