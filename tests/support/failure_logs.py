"""Shows with the failure of a test what its processes have said: what they wrote to their logs meanwhile, and
the output of one that did not end in time.
"""

import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

MOST_CHARACTERS: Final = 10_000
"""Of the end of each log."""

FILES_LAG_S: Final = 0.1
"""The kernel dates files by its last tick."""

_FOLDER: Final = pytest.StashKey[Path]()
_BEGAN_S: Final = pytest.StashKey[float]()


@pytest.fixture(scope="session", autouse=True)
def _folder_of_all_tests(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> None:
    """Where the logs are looked for."""
    pytestconfig.stash[_FOLDER] = tmp_path_factory.getbasetemp()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Its time tells what is written from now on."""
    item.stash[_BEGAN_S] = time.time() - FILES_LAG_S


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report, with the logs below the tests' folder that were written since the test began."""
    report = yield
    if (
        report.failed
        and call.excinfo is not None
        and isinstance(call.excinfo.value, subprocess.TimeoutExpired)
    ):
        report.sections += _output(call.excinfo.value)
    if report.failed and _FOLDER in item.config.stash:
        report.sections += _logs(item.config.stash[_FOLDER], item.stash[_BEGAN_S])
    return report


def _output(late: subprocess.TimeoutExpired) -> Iterator[tuple[str, str]]:
    for name, said in (("stdout", late.stdout), ("stderr", late.stderr)):
        if said:  # bytes, whatever the process was started with
            text = said.decode(errors="replace") if isinstance(said, bytes) else said
            yield f"{name} of {late.cmd}", text[-MOST_CHARACTERS:]


def _logs(folder: Path, since_s: float) -> Iterator[tuple[str, str]]:
    for log in sorted(folder.rglob("*.log")):
        if "pulumi-home" in log.parts:  # the engine's own: encrypted
            continue
        if log.is_file() and log.stat().st_mtime >= since_s:
            said = log.read_text(encoding="utf-8", errors="replace")
            if said:
                yield str(log.relative_to(folder)), said[-MOST_CHARACTERS:]
