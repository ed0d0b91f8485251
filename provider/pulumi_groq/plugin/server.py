"""`pulumi-resource-groq`: the process that the engine starts."""

import signal
import sys
import threading
from concurrent import futures
from typing import Final

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from pulumi_groq.plugin.engine_log import EngineLog, Log, SilentLog
from pulumi_groq.plugin.servicer import GroqPlugin

_THREADS: Final = 16
_LARGEST_MESSAGE: Final = 400 * 1024 * 1024  # what Pulumi's SDKs allow
_GRACE_S: Final = 10.0


def main() -> None:
    """Serve until the engine ends the process; the first line on stdout is the port, as the engine expects.

    The engine gives its own address as an argument. Without one (a debugger starts plugins so) it
    attaches later.
    """
    # An interrupt at the terminal reaches this process too, but the engine says what becomes of the
    # run: requests under way finish, so that no answer is lost.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    server = grpc.server(
        futures.ThreadPoolExecutor(_THREADS),
        options=[("grpc.max_receive_message_length", _LARGEST_MESSAGE)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(GroqPlugin(_log(sys.argv[1:])), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop(_GRACE_S).wait()


def _log(arguments: list[str]) -> Log:
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    return EngineLog(addresses[0]) if addresses else SilentLog()
