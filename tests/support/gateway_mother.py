"""The process that gateways of the tests are forked from: it has imported what they need."""

import json
import os
import socket
import sys
import traceback
from typing import Final, NoReturn

from pulumi_groq.cli.main import commands

LONGEST_ORDER: Final = 1 << 20


def serve_orders(orders: socket.socket) -> None:
    """Each order is the options and the environment of a gateway, with its stdout and stderr; answered with
    its process's number. Ends when nobody can give one any more.
    """
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, LONGEST_ORDER, 2)
        if not order:
            return
        # A child that has ended keeps its number until now: whoever ordered it has hold of it since.
        while _reaps_one():
            pass
        pid = os.fork()
        if pid == 0:
            orders.close()
            _become_gateway(order, *descriptors)
        for each in descriptors:
            os.close(each)
        orders.send(str(pid).encode())


def _reaps_one() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _become_gateway(order: bytes, stdout: int, stderr: int) -> NoReturn:
    asked = json.loads(order)
    for given, number in ((stdout, 1), (stderr, 2)):
        os.dup2(given, number)
        os.close(given)
    os.environ.clear()
    os.environ.update(asked["environment"])
    code = 1
    try:
        code = commands(["serve", *asked["options"]], standalone_mode=False) or 0
    except BaseException:  # noqa: BLE001  as Python tells it at the end of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve_orders(socket.socket(fileno=int(sys.argv[1])))
