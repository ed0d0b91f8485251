"""Gateways forked from a process that has imported all that they need: most of what a start costs.

Each is the real command in a process of its own. What a start by itself does is told by the tests that run
the installed script.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Final

MOTHER: Final = Path(__file__).with_name("gateway_mother.py")
DEADLINE_S: Final = 60.0


class ForkedGateway:
    """`pulumi-groq serve` with `options`; what it says comes out of `stdout`, its log goes to `log`."""

    def __init__(self, options: Sequence[str], environment: Mapping[str, str], log: IO[str]) -> None:
        mother = _mother()
        readable, writable = os.pipe()
        self.stdout = os.fdopen(readable)
        order = json.dumps({"options": list(options), "environment": dict(environment)}).encode()
        socket.send_fds(mother, [order], [writable, log.fileno()])
        os.close(writable)
        self._process = os.pidfd_open(int(mother.recv(16)))

    def stop(self) -> None:
        """End it, letting running requests finish; raises `AssertionError` when it goes on."""
        if not self._ends_within(0):
            signal.pidfd_send_signal(self._process, signal.SIGTERM)
        in_time = self._ends_within(DEADLINE_S)
        if not in_time:
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        os.close(self._process)
        self.stdout.close()
        assert in_time, f"the gateway went on for {DEADLINE_S:g} s after it was to end"

    def _ends_within(self, seconds: float) -> bool:
        return bool(select.select([self._process], [], [], seconds)[0])


@cache
def _mother() -> socket.socket:
    """What forks for this process, and ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(DEADLINE_S)
    process = subprocess.Popen(
        [sys.executable, str(MOTHER), str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(DEADLINE_S)

    atexit.register(end)
    return ours
