"""The plugin behind real gRPC, above a gateway in this process."""

from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from in_process_gateway import ADMIN_KEY, InProcessGateway, Wire
from pulumi_groq.plugin.servicer import GroqPlugin
from pulumi_groq.plugin.wire import Path, received, sent

KEY_URN = "urn:pulumi:dev::infra::groq:index:GroqApiKey::chatbot-prod"
TEAM_URN = "urn:pulumi:dev::infra::groq:index:GroqTeam::research"
POLICY_URN = "urn:pulumi:dev::infra::groq:index:GroqSpendPolicy::spend-policy"


@dataclass
class HeardLog:
    """Keeps what a plugin tells."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def info(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


@dataclass
class ServedPlugin:
    """A configured plugin, called as the engine calls it."""

    stub: Any
    log: HeardLog
    wire: Wire

    def checked(self, urn: str, news: Mapping[str, Any] | Struct, olds: Struct | None = None) -> Any:
        """The answer to a check."""
        declared = news if isinstance(news, Struct) else sent(news)
        return self.stub.Check(provider_pb2.CheckRequest(urn=urn, news=declared, olds=olds))

    def inputs(self, urn: str, news: Mapping[str, Any] | Struct, olds: Struct | None = None) -> Struct:
        """The inputs of a check that must pass."""
        answer = self.checked(urn, news, olds)
        assert not answer.failures, answer
        inputs: Struct = answer.inputs
        return inputs

    def created(self, urn: str, news: Mapping[str, Any] | Struct, *, preview: bool = False) -> Any:
        """The answer to a create of what `news` declare."""
        request = provider_pb2.CreateRequest(urn=urn, properties=self.inputs(urn, news), preview=preview)
        return self.stub.Create(request)

    def diff(self, urn: str, resource_id: str, olds: Struct, news: Struct) -> Any:
        """The answer to a diff of state and inputs."""
        return self.stub.Diff(provider_pb2.DiffRequest(urn=urn, id=resource_id, olds=olds, news=news))

    def updated(
        self, urn: str, resource_id: str, olds: Struct, news: Struct, *, preview: bool = False
    ) -> Any:
        """The answer to an update."""
        return self.stub.Update(
            provider_pb2.UpdateRequest(urn=urn, id=resource_id, olds=olds, news=news, preview=preview)
        )


@contextmanager
def served_plugin(gateway: InProcessGateway, **settings: Any) -> Iterator[ServedPlugin]:
    """A plugin that talks to `gateway`, configured with `settings`."""
    wire, log = Wire(gateway), HeardLog()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    plugin = GroqPlugin(log, lambda _settings, _deadline_s: wire.client())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        args = {"baseUrl": "http://gateway", "adminKey": ADMIN_KEY, **settings}
        stub.Configure(provider_pb2.ConfigureRequest(args=sent(args, {("adminKey",)})))
        yield ServedPlugin(stub, log, wire)
    server.stop(None).wait()


def plain(struct: Struct) -> dict[str, Any]:
    """`struct` in plain values."""
    return received(struct).values


def secrets(struct: Struct) -> frozenset[Path]:
    """The paths of what is secret in `struct`."""
    return received(struct).secrets
