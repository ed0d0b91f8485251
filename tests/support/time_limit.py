"""What ends a test whose time is over: nothing that it calls may catch it, and its fixtures' ends count too.

pytest-timeout by itself raises pytest's own failure, once. Hypothesis takes that for an example that fails
and plays it again; and after any failure, what the fixtures take down has no limit. Either may wait for
ever, and hang the whole run.
"""

import signal
from collections.abc import Generator
from typing import Any, Final

import pytest
from pytest_timeout import dump_stacks, is_debugging

AGAIN_S: Final = 5.0
"""After how long it comes again, until the test has ended."""

OF_THE_ENGINE_S: Final = 600
"""What a test of some runs of the engine may take, unless it says otherwise."""


class OutOfTimeError(BaseException):
    """The test took longer than it may."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the engine's tests their time."""
    for item in items:
        if item.get_closest_marker("engine") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(OF_THE_ENGINE_S))


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """Raises `OutOfTimeError` in the main thread once the test's time is over, and again and again."""

    def out_of_time(*_: object) -> None:
        if not is_debugging():
            dump_stacks(item.config.get_terminal_writer())
            raise OutOfTimeError(f"{item.nodeid} took longer than {settings.timeout:g} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN_S)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer() -> bool:
    """Nothing: pytest-timeout asks for it at the first failure already."""
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """The test has ended, with all that belonged to it."""
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
