"""`pulumi-resource-groq`: the process that the engine starts."""

import os
import signal
import sys
import threading
from concurrent import futures
from typing import Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from pulumi_groq.plugin.engine_log import EngineLog, Log, SilentLog
from pulumi_groq.plugin.servicer import GroqPlugin

_THREADS: Final = 4096  # started as they are needed: Cancel must not wait for one, whatever --parallel says
_LARGEST_MESSAGE: Final = 400 * 1024 * 1024  # what Pulumi's SDKs allow
_GRACE_S: Final = 4.0  # the engine kills a plugin that is still there after 5 s
_LOOK_S: Final = 1.0


def main() -> None:
    """Serve until the engine ends the process, or is gone itself; the first line on stdout is the port, as
    the engine expects.

    The engine gives its own address as an argument. Without one (a debugger starts plugins so) it
    attaches later.
    """
    stopped, starter = threading.Event(), os.getppid()
    # The engine ends its plugins by an interrupt at the end of each run, and waits for them. One at the
    # terminal does not reach them: they are in process groups of their own, and the engine calls Cancel.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stopped.set())
    server = grpc.server(
        futures.ThreadPoolExecutor(_THREADS),
        options=[("grpc.max_receive_message_length", _LARGEST_MESSAGE)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(GroqPlugin(_log(sys.argv[1:])), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # Nobody ends the plugins of an engine that was killed: they would be there for good.
    while os.getppid() == starter and not stopped.wait(_LOOK_S):
        pass
    server.stop(_GRACE_S).wait()


def _log(arguments: list[str]) -> Log:
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    return EngineLog(addresses[0]) if addresses else SilentLog()
