"""The engine's log: lines that the person at the terminal sees beside the resource they are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_TELLING_S: Final = 10.0

_urn: ContextVar[str] = ContextVar("urn", default="")


@contextmanager
def beside(urn: str) -> Iterator[None]:
    """Everything that this thread tells inside belongs to the resource `urn`."""
    token = _urn.set(urn)
    try:
        yield
    finally:
        _urn.reset(token)


class Log(Protocol):
    """Where a plugin tells what it does. Lines never hold a secret."""

    def info(self, line: str) -> None:
        """Show a line."""
        ...

    def warn(self, line: str) -> None:
        """Show a line as a warning."""
        ...


class EngineLog:
    """Sends lines to the engine at `address` (`host:port`); one that is gone is told nothing."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def info(self, line: str) -> None:
        self._tell(engine_pb2.INFO, line)

    def warn(self, line: str) -> None:
        self._tell(engine_pb2.WARNING, line)

    def _tell(self, severity: engine_pb2.LogSeverity.ValueType, line: str) -> None:
        try:
            self._engine.Log(
                engine_pb2.LogRequest(severity=severity, message=line, urn=_urn.get()), timeout=_TELLING_S
            )
        except grpc.RpcError:
            return


class SilentLog:
    """Tells nobody: no engine has said yet where it is."""

    def info(self, line: str) -> None:
        pass

    def warn(self, line: str) -> None:
        pass
