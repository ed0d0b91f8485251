"""The plugin's process: how it begins and how the engine ends it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from process_output import wait_for

COMMAND = Path(sys.prefix, "bin", "pulumi-resource-groq")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_the_engine_ends_it(ending: signal.Signals) -> None:
    """The engine interrupts its plugins at the end of each run, and kills those that go on."""
    with subprocess.Popen([str(COMMAND), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as plugin:
        try:
            assert int(wait_for(r"^\d+$", plugin.stdout)[0]) > 0
            plugin.send_signal(ending)
            assert plugin.wait(timeout=60) == 0
        finally:
            plugin.kill()
