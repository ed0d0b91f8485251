"""The engine's provider protocol, answered from the lifecycles."""

from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.lifecycle.retirement import RetirementWarnings
from pulumi_groq.lifecycle.run import LifecycleRun
from pulumi_groq.plugin.answering import answering
from pulumi_groq.plugin.cancellation import Cancellation
from pulumi_groq.plugin.engine_log import EngineLog, Log
from pulumi_groq.plugin.functions import FUNCTIONS
from pulumi_groq.plugin.kinds import KINDS
from pulumi_groq.plugin.resource import ServedResource
from pulumi_groq.plugin.settings import SECRET_SETTINGS, Configuration, Connect, configuration, failures
from pulumi_groq.plugin.spelling import respelled, strangers
from pulumi_groq.plugin.wire import received, sent

DISTRIBUTION: Final = "pulumi-groq"
"""The distribution whose version is the plugin's."""


class GroqPlugin(ResourceProviderServicer):
    """Serves one provider of one run. Thread-safe once configured, which the engine does first.

    `log` is where lines go; `connect` makes the admin client.
    """

    def __init__(self, log: Log, connect: Connect | None = None) -> None:
        self._log = log
        self._cancellation = Cancellation()
        self._connect = connect or self._connected
        self._served: dict[str, ServedResource] = {}
        self._configuration: Configuration | None = None

    def _connected(self, settings: AdminSettings, deadline_s: float) -> AdminClient:
        return AdminClient(settings, deadline_s=deadline_s, sleep=self._cancellation.sleep)

    @answering
    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest
    ) -> provider_pb2.ProviderHandshakeResponse:
        raise NotImplementedError("the plugin has nothing to agree on before it is configured")

    @answering
    def Attach(self, request: plugin_pb2.PluginAttach) -> Empty:
        self._log = EngineLog(request.address)
        return Empty()

    @answering
    def GetPluginInfo(self, request: Empty) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version(DISTRIBUTION))

    @answering
    def GetSchema(self, request: provider_pb2.GetSchemaRequest) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=schema_text())

    @answering
    def GetMapping(self, request: provider_pb2.GetMappingRequest) -> provider_pb2.GetMappingResponse:
        return provider_pb2.GetMappingResponse()

    @answering
    def CheckConfig(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        came = received(request.news)
        # Settings of the environment stay there: what this answers is stored in the stack's state.
        secrets = came.secrets | {(name,) for name in SECRET_SETTINGS if name in came.values}
        return provider_pb2.CheckResponse(
            inputs=sent(came.values, secrets),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in failures(came.values)
            ],
        )

    @answering
    def DiffConfig(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        # No setting makes another provider of it: a gateway may move, and keys are given anew.
        olds, news = received(request.olds).values, received(request.news).values
        differing = sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if differing else none, diffs=differing)

    @answering
    def Configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        configured = configuration(received(request.args).values, self._connect)
        retirements = RetirementWarnings(Catalogue.load, lambda: datetime.now(UTC).date())
        self._served = {
            token: ServedResource(
                LifecycleRun(lifecycle(configured.session, self._inform)),
                configured.organization,
                retirements,
                self._warn,
            )
            for token, lifecycle in KINDS.items()
        }
        self._configuration = configured
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def _inform(self, line: str) -> None:
        self._log.info(respelled(line))

    def _warn(self, line: str) -> None:
        self._log.warn(respelled(line))

    @answering
    def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        return self._resource(request.urn).check(request)

    @answering
    def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        return self._resource(request.urn).diff(request)

    @answering
    def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        return self._resource(request.urn).create(request)

    @answering
    def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        return self._resource(request.urn).read(request)

    @answering
    def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        return self._resource(request.urn).update(request)

    @answering
    def Delete(self, request: provider_pb2.DeleteRequest) -> Empty:
        self._resource(request.urn).delete(request)
        return Empty()

    @answering
    def Invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        function = FUNCTIONS.get(request.tok)
        if function is None or self._configuration is None:
            raise ConfigurationError(f"{request.tok} is no function of this plugin")
        values = received(request.args).values
        strange = dict.fromkeys(strangers(function.arguments, values), "is not an argument of this function")
        checked = function.check(values)
        wrong = {respelled(each.property): each.reason for each in checked.failures}
        if strange or wrong:
            return provider_pb2.InvokeResponse(failures=_failures({**wrong, **strange}))
        answer = function.call(self._configuration.session.client, checked)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(sent(answer))  # a keyword in Python
        return response

    @answering
    def Cancel(self, request: Empty) -> Empty:
        self._cancellation.cancel()
        return Empty()

    def _resource(self, urn: str) -> ServedResource:
        token = urn.split("::")[2].rsplit("$", 1)[-1]
        served = self._served.get(token)
        if served is None:
            raise ConfigurationError(f"{token} is no resource of this plugin, or it is not configured")
        return served


def schema_text() -> str:
    """The package's schema, as `pulumi package get-schema` shows it."""
    return files("pulumi_groq.plugin").joinpath("schema.json").read_text(encoding="utf-8")


def _failures(reasons: dict[str, Any]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in reasons.items()]
