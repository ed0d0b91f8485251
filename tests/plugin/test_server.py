"""The plugin's process: how it begins and how the engine ends it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from process_output import wait_for
from pulumi_groq.plugin.wire import sent

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


def test_it_ends_with_an_engine_that_is_killed() -> None:
    """An engine that was killed ends no plugin, and each would be there for good."""
    start = f"import subprocess; subprocess.run([{str(COMMAND)!r}, '127.0.0.1:1'])"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True) as engine:
        wait_for(r"^\d+$", engine.stdout)
        engine.kill()
        told, _ = engine.communicate(timeout=60)  # its end comes once the plugin has let go of it, too
    assert told == ""


def test_cancel_is_heard_however_many_calls_wait() -> None:
    """As many resources at once as `--parallel` allows, all waiting for the gateway, hold up no Cancel."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        subprocess.Popen([str(COMMAND), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as plugin,
    ):
        try:
            port = wait_for(r"^\d+$", plugin.stdout)[0]
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                address = f"http://127.0.0.1:{silent.getsockname()[1]}"
                settings = sent({"baseUrl": address, "adminKey": "a-key"})
                stub.Configure(provider_pb2.ConfigureRequest(args=settings, acceptSecrets=True))
                waiting = [stub.Delete.future(_delete(number)) for number in range(100)]
                stub.Cancel(Empty(), timeout=20)
                assert not any(call.done() for call in waiting)
        finally:
            plugin.kill()


def _delete(number: int) -> provider_pb2.DeleteRequest:
    urn = f"urn:pulumi:dev::infra::groq:index:GroqTeam::team-{number}"
    state = {"teamName": f"team-{number}", "allowedModels": ["a"], "createdAt": "2026-11-01T00:00:00Z"}
    return provider_pb2.DeleteRequest(urn=urn, id=f"team-{number}", properties=sent(state))
