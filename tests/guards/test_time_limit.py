"""Every test comes to an end, whatever it waits for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"
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
    (tmp_path / "test_it.py").write_text(test)
    plugins = ("-p", "time_limit", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--timeout=1", *plugins, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "took longer than 1 s" in done.stdout
    assert "1 failed" in done.stdout
