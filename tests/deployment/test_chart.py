"""The chart: linted and rendered by Helm, its manifests judged by the schemas of Kubernetes."""

from typing import Any

import pytest
import yaml

from deployment_tools import DEPLOY, SCHEMAS, assert_taken_by_serve, run_tool

CHART = str(DEPLOY / "helm" / "pulumi-groq-gateway")
KUBERNETES = ("--kube-version", "1.37.0")
LEAST = ("secret.name=groq-gateway",)
ON_POSTGRESQL = (
    *LEAST,
    "store=postgresql",
    "secret.storeUrl=store-url",
    "secret.countersUrl=counters-url",
    "secret.upstreamKey=upstream-key",
    "upstream=https://api.groq.com",
)
ALL = (
    *ON_POSTGRESQL,
    "tls.secretName=groq-tls",
    "serviceMonitor.enabled=true",
    "autoscaling.enabled=true",
    "trustedProxies={10.0.0.0/8,192.0.2.7}",
    "persistence.storageClassName=fast",
    "networkPolicy.from[0].namespaceSelector.matchLabels.team=web",
    "extraArgs={--default-requests-per-minute=100}",
    "extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy:3128",
    "image.pullSecrets={registry}",
    "priorityClassName=high",
    "upstreamKeys.chatbot.secretName=groq-chatbot,upstreamKeys.chatbot.key=api-key",
    "upstreamKeys.research_2.secretName=groq-research,upstreamKeys.research_2.key=value",
)
SETTINGS = {"least": LEAST, "on PostgreSQL": ON_POSTGRESQL, "all": ALL}


def helm(*values: str) -> Any:
    sets = [argument for value in values for argument in ("--set", value)]
    return run_tool("helm", "template", "groq", CHART, "--namespace=gateways", *KUBERNETES, *sets)


def rendered(*values: str) -> dict[str, Any]:
    """Kind and name -> manifest."""
    done = helm(*values)
    assert done.returncode == 0, done.stderr
    return {f"{each['kind']} {each['metadata']['name']}": each for each in yaml.safe_load_all(done.stdout)}


def pod(*values: str) -> Any:
    return rendered(*values)["StatefulSet groq"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", SETTINGS)
def test_helm_finds_nothing_wrong(name: str) -> None:
    """Not even a warning."""
    sets = [argument for value in SETTINGS[name] for argument in ("--set", value)]
    done = run_tool("helm", "lint", "--strict", CHART, *KUBERNETES, *sets)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_the_gateway_takes_its_options(name: str) -> None:
    """As `pulumi-groq serve` reads them today."""
    assert_taken_by_serve(pod(*SETTINGS[name])["containers"][0]["args"])


@pytest.mark.parametrize("name", SETTINGS)
def test_every_manifest_is_one_of_kubernetes(name: str) -> None:
    """No field that Kubernetes, or the Prometheus Operator, does not know."""
    manifests = helm(*SETTINGS[name]).stdout
    schemas = f"{SCHEMAS}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = run_tool("kubeconform", "-strict", "-summary", "-schema-location", schemas, given=manifests)
    assert (done.returncode, "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout) == (0, True), done.stdout


def test_all_that_is_promised_is_there() -> None:
    """With one gateway, by default."""
    assert set(rendered(*ALL)) == {
        "HorizontalPodAutoscaler groq",
        "NetworkPolicy groq",
        "PodDisruptionBudget groq",
        "Service groq",
        "Service groq-pods",
        "ServiceAccount groq",
        "ServiceMonitor groq",
        "StatefulSet groq",
    }
    assert rendered(*LEAST)["StatefulSet groq"]["spec"]["replicas"] == 1
    three = rendered(*LEAST, "replicas=3", "store=postgresql", "secret.storeUrl=url")
    assert three["StatefulSet groq"]["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((*LEAST, "replicas=2"), "2 replicas: a store on SQLite serves one gateway"),
        ((*LEAST, "autoscaling.enabled=true", "autoscaling.maxReplicas=5"), "5 replicas: a store on SQLite"),
        (
            (*LEAST, "replicas=2", "store=postgresql", "secret.storeUrl=url", "secret.gatewaySecret="),
            "2 replicas need one secret",
        ),
        ((), "secret.name is missing"),
        ((*LEAST, "store=postgresql"), "secret.storeUrl"),
        ((*LEAST, "secret.storeUrl=url"), "store is sqlite, so nothing would use it"),
        ((*LEAST, "upstream=https://api.groq.com"), "secret.upstreamKey"),
        ((*LEAST, "upstream=http://api.groq.com"), "upstream"),
        ((*LEAST, "replica=1"), "replica"),
        ((*LEAST, "store=mysql"), "store"),
        ((*LEAST, "upstreamKeys.chatbot.secretName=groq"), "upstreamKeys"),
        ((*LEAST, "upstreamKeys.Chat/bot.secretName=groq,upstreamKeys.Chat/bot.key=a"), "Chat/bot"),
        ((*LEAST, "upstreamKeys.chatbot.value=gsk_in_clear"), "upstreamKeys"),
        ((*LEAST, "extraArgs={serve}"), "extraArgs"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_changes(values: tuple[str, ...], told: str) -> None:
    """With what is to be done."""
    done = helm(*values)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr


def test_secrets_are_named_and_never_given() -> None:
    """Every secret is a reference to the one Secret that the operator makes."""
    environment = pod(*ON_POSTGRESQL)["containers"][0]["env"]
    references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in environment}
    assert {name: each["key"] for name, each in references.items()} == {
        "GROQ_ADMIN_KEY": "admin-key",
        "GROQ_GATEWAY_SECRET": "gateway-secret",
        "GROQ_API_KEY": "upstream-key",
        "GROQ_GATEWAY_STORE": "store-url",
        "GROQ_COUNTERS_URL": "counters-url",
    }
    assert {each["name"] for each in references.values()} == {"groq-gateway"}


def test_upstream_keys_are_files_of_secrets() -> None:
    """Where the gateway looks for each, in a folder that Kubernetes renews as a whole: no `subPath`."""
    spec = pod(*ALL)
    [gateway] = spec["containers"]
    [mount] = [each for each in gateway["volumeMounts"] if each["name"] == "upstream-keys"]
    assert mount == {
        "name": "upstream-keys",
        "mountPath": "/etc/pulumi-groq/upstream-keys",
        "readOnly": True,
    }
    [volume] = [each["projected"] for each in spec["volumes"] if each["name"] == "upstream-keys"]
    files = {
        item["path"]: (each["secret"]["name"], item["key"])
        for each in volume["sources"]
        for item in each["secret"]["items"]
    }
    assert files == {"chatbot": ("groq-chatbot", "api-key"), "research_2": ("groq-research", "value")}
    asked = [each for each in gateway["args"] if each.startswith("--upstream-key=")]
    assert asked == [f"--upstream-key={name}=file:{mount['mountPath']}/{name}" for name in files]
    assert (volume["defaultMode"], spec["securityContext"]["fsGroup"]) == (0o440, 10001)


def test_the_key_of_all_others_may_be_such_a_file() -> None:
    """`default` stands for GROQ_API_KEY, and then that is not needed."""
    values = (
        *LEAST,
        "upstream=https://api.groq.com",
        "upstreamKeys.default.secretName=groq,upstreamKeys.default.key=k",
    )
    [gateway] = pod(*values)["containers"]
    assert "--upstream-key=default=file:/etc/pulumi-groq/upstream-keys/default" in gateway["args"]
    assert "GROQ_API_KEY" not in {each["name"] for each in gateway["env"]}


@pytest.mark.parametrize(("drain_s", "pre_stop_s"), [(0, 0), (30, 5), (600, 60)])
def test_the_pod_has_longer_to_stop_than_the_drain(drain_s: int, pre_stop_s: int) -> None:
    """Whatever is set: what is cut off is charged as reserved."""
    spec = pod(*LEAST, f"drainSeconds={drain_s}", f"preStopSeconds={pre_stop_s}")
    [gateway] = spec["containers"]
    assert f"--drain-seconds={drain_s}" in gateway["args"]
    assert gateway["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", str(pre_stop_s)]
    assert spec["terminationGracePeriodSeconds"] >= drain_s + pre_stop_s + 15


@pytest.mark.parametrize(("startup_s", "failures"), [(180, 90), (601, 301)])
def test_a_start_may_take_as_long_as_it_is_given(startup_s: int, failures: int) -> None:
    """A migration that is broken off begins anew."""
    [gateway] = pod(*LEAST, f"startupSeconds={startup_s}")["containers"]
    probe = gateway["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (2, failures)


def test_no_gateway_waits_for_another() -> None:
    """A mended update reaches one that never got ready; nodes drain in spite of it; each takes few along."""
    manifests = rendered(*ON_POSTGRESQL, "replicas=3")
    gateways = manifests["StatefulSet groq"]["spec"]
    assert gateways["podManagementPolicy"] == "Parallel"
    assert manifests["PodDisruptionBudget groq"]["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    spread = gateways["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert [each["labelSelector"] for each in spread] == [gateways["selector"]] * 2


def test_the_gateway_may_do_little() -> None:
    """No root, no token of the cluster, nothing to write but its volume."""
    spec = pod(*LEAST)
    [gateway] = spec["containers"]
    assert (spec["automountServiceAccountToken"], spec["securityContext"]["runAsNonRoot"]) == (False, True)
    assert gateway["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_probes_and_metrics_ask_as_the_gateway_listens() -> None:
    """Over TLS where it speaks TLS."""
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    for values, scheme in ((LEAST, "HTTP"), (ALL, "HTTPS")):
        [gateway] = pod(*values)["containers"]
        assert {gateway[probe]["httpGet"]["scheme"] for probe in probes} == {scheme}
    assert rendered(*ALL)["ServiceMonitor groq"]["spec"]["endpoints"][0]["scheme"] == "https"


def test_the_store_outlives_the_pod() -> None:
    """SQLite itself, or the journal of a store on PostgreSQL, on a volume of the gateway's own."""
    for values, argument in (
        (LEAST, "--store=sqlite:////var/lib/pulumi-groq/gateway.db"),
        (ON_POSTGRESQL, "--data-dir=/var/lib/pulumi-groq"),
    ):
        [gateway] = pod(*values)["containers"]
        assert argument in gateway["args"]
        assert {"name": "data", "mountPath": "/var/lib/pulumi-groq"} in gateway["volumeMounts"]
    assert (
        rendered(*LEAST)["StatefulSet groq"]["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    )
