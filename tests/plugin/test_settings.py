"""The provider's settings, and how the plugin ends its waits."""

from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from pulumi_groq.errors import NoAnswerError
from pulumi_groq.plugin.cancellation import Cancellation
from pulumi_groq.plugin.wire import sent
from served_plugin import plain, secrets

GOOD = {"baseUrl": "http://127.0.0.1:1", "adminKey": "an-admin-key"}


def checked(plugin: Any, **values: Any) -> Any:
    """The answer to a check of the settings `values`."""
    return plugin.stub.CheckConfig(provider_pb2.CheckRequest(news=sent(values)))


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from the machine that the tests run on."""
    for name in ("GROQ_ADMIN_BASE_URL", "GROQ_ADMIN_KEY", "GROQ_ADMIN_DEADLINE_SECONDS"):
        monkeypatch.delenv(name, raising=False)


def test_the_admin_key_is_a_secret(plugin: Any) -> None:
    """However it was given; other settings of the stack pass as they are."""
    answer = checked(plugin, **GOOD, accessFile="access.yaml", deadlineSeconds="30")
    assert not answer.failures
    assert secrets(answer.inputs) == {("adminKey",)}
    assert plain(answer.inputs) == {**GOOD, "accessFile": "access.yaml", "deadlineSeconds": "30"}


def test_the_environment_fills_in_and_stays_out_of_state(
    plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key from the environment makes the settings whole, and is in no answer."""
    monkeypatch.setenv("GROQ_ADMIN_KEY", "key-of-the-environment")
    answer = checked(plugin, baseUrl=GOOD["baseUrl"])
    assert not answer.failures
    assert plain(answer.inputs) == {"baseUrl": GOOD["baseUrl"]}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"adminKey": "an-admin-key"}, "baseUrl"),
        ({"baseUrl": "http://127.0.0.1:1"}, "adminKey"),
        ({**GOOD, "baseUrl": "ftp://files"}, "baseUrl"),
        ({**GOOD, "adminKey": "two words"}, "adminKey"),
        ({**GOOD, "deadlineSeconds": "soon"}, "deadlineSeconds"),
        ({**GOOD, "organization": "acme/infra"}, "organization"),
    ],
)
def test_each_failure_has_its_setting(plugin: Any, values: dict[str, str], name: str) -> None:
    """A setting that is missing or unusable is named, and a key is never quoted."""
    (failure,) = checked(plugin, **values).failures
    assert failure.property == name
    assert "two words" not in failure.reason


def test_no_setting_replaces_the_provider(plugin: Any) -> None:
    """A gateway that moves is a change of the provider, and not of everything it made."""
    request = provider_pb2.DiffRequest(olds=sent(GOOD), news=sent({**GOOD, "baseUrl": "http://127.0.0.1:2"}))
    diff = plugin.stub.DiffConfig(request)
    assert (list(diff.diffs), list(diff.replaces)) == (["baseUrl"], [])


def test_configuring_without_a_key_is_one_line(plugin: Any) -> None:
    """What the check would have said."""
    with pytest.raises(grpc.RpcError, match="groq:adminKey"):
        plugin.stub.Configure(provider_pb2.ConfigureRequest(args=sent({"baseUrl": GOOD["baseUrl"]})))


def test_cancelling_ends_waits(plugin: Any) -> None:
    """A run that is cancelled does not wait to ask again; the call itself is answered at once."""
    cancellation = Cancellation()
    cancellation.sleep(0)
    cancellation.cancel()
    with pytest.raises(NoAnswerError, match="the next run takes it up"):
        cancellation.sleep(3600)
    assert plugin.stub.Cancel(Empty()) == Empty()


def test_the_plugin_says_what_it_is(plugin: Any) -> None:
    """Its version, and the schema that is in the package."""
    assert plugin.stub.GetPluginInfo(Empty()).version
    schema = plugin.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema
    assert '"groq:index:GroqApiKey"' in schema


def test_no_handshake_is_offered(plugin: Any) -> None:
    """Engines fall back to configuring at once."""
    with pytest.raises(grpc.RpcError) as refused:
        plugin.stub.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
