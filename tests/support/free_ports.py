"""Ports for servers that are told theirs, and that may end and begin again on it."""

import secrets
import socket
from typing import Final

LOWEST: Final = 12_000
HIGHEST: Final = 22_000
"""Below the ports that the kernel gives to whoever asks for any (Linux: from 32,768), and so is the cluster
port of a Redis on one, which is 10,000 higher: while a server is down, nobody gets its port by chance.
"""


def free_port() -> int:
    """A port of this machine on which nobody listens right now."""
    while True:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)  # a seeded draw would be the next test's, too
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
