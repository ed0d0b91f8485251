"""A gateway process and a Pulumi project folder, driven as their users drive them."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_forks import ForkedGateway
from process_output import wait_for
from process_tree import ended
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.lifecycle.admin_key import AdminKeyState
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.lifecycle.run import NOTES
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.lifecycle.team import TeamState
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityState
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.spelling import camel

DYNAMIC = "pulumi_groq"
"""The package of the dynamic resources."""

NATIVE = "pulumi_groq_sdk"
"""The package of the plugin's resources; in Python, both spell their arguments alike."""

WITHOUT_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Has the engine write the state at the end of a run, not whole after each of hundreds of resources."""

BOTH_PACKAGES = pytest.mark.parametrize(
    "package", [DYNAMIC, NATIVE], ids=["dynamic", "native"], indirect=True
)
"""Runs a test of the engine suite once over either adapter."""

SDK = Path(__file__).parents[2] / "sdk" / "python"

_SNAKE = {
    camel(name): name
    for model in (
        ApiKeyState,
        AdminKeyState,
        TeamState,
        WorkloadIdentityState,
        SpendPolicyState,
        RotationSchedule,
    )
    for name in (*model.model_fields, *NOTES)
}

PROGRAM = '''\
"""Declares what declarations.json holds: keys, teams, and the spending policy, each by name."""

import json
from pathlib import Path

import pulumi

from {package} import GroqAdminKey, GroqApiKey, GroqSpendPolicy, GroqTeam, GroqWorkloadIdentity

declared = json.loads((Path(__file__).parent / "declarations.json").read_text())
teams = {name: GroqTeam(name, **args) for name, args in declared.get("teams", {}).items()}
for name, args in declared.get("identities", {}).items():
    GroqWorkloadIdentity(name, **args)
keys = {}
for name, args in declared.get("keys", {}).items():
    if "team" in args:
        args = {**args, "team": teams[args["team"]].team_name}
    keys[name] = GroqApiKey(name, **args)
for name, args in declared.get("adopted", {}).items():
    keys[name] = GroqApiKey.get(name, args["key_id"])
for name, settings in declared.get("admin_keys", {}).items():
    pulumi.export(f"admin {name}", GroqAdminKey(name, **settings).admin_key)
if "spend_policy" in declared:
    GroqSpendPolicy("spend-policy", **declared["spend_policy"])
pulumi.export("key_ids", {name: key.key_id for name, key in keys.items()})
pulumi.export("api_keys", {name: key.api_key for name, key in keys.items()})
pulumi.export("generations", {name: key.generation for name, key in keys.items()})
pulumi.export("limits", {name: getattr(key, "requests_per_minute", None) for name, key in keys.items()})
'''


@dataclass
class Gateway:
    """A gateway process with test controls."""

    process: ForkedGateway
    base_url: str
    admin_key: str = field(repr=False)
    store: Path

    def client(self) -> AdminClient:
        return AdminClient(AdminSettings(self.base_url, self.admin_key))

    def control(self, action: str, **body: Any) -> None:
        """Turn one of the gateway's test controls."""
        self._controls("POST", action, json=body).raise_for_status()

    def requests(self) -> dict[str, int]:
        """The requests since the start or the last reset, by method and path template."""
        counted: dict[str, int] = self._controls("GET", "requests").raise_for_status().json()["requests"]
        return counted

    def writes(self) -> int:
        """How many of the requests were no GET."""
        return sum(count for call, count in self.requests().items() if not call.startswith("GET "))

    def _controls(self, method: str, action: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.admin_key}"}
        address = f"{self.base_url}/__test__/{action}"
        return httpx.request(method, address, headers=headers, timeout=60, **options)

    def stop(self) -> None:
        """End the process, letting running requests finish."""
        self.process.stop()


@dataclass
class Run:
    """What one `pulumi` command printed and returned.

    `output` has properties in the models' spelling, whichever adapter serves them; `printed` is as it was.
    """

    code: int
    output: str
    printed: str = ""


@dataclass
class Stack:
    """A project folder with its own state, driven through the real `pulumi`.

    A command that takes longer than `patience_s` fails.
    """

    folder: Path
    name: str
    environment: dict[str, str] = field(repr=False)
    package: str = DYNAMIC
    program: str = PROGRAM
    patience_s: float = 240

    def use(self, package: str) -> None:
        """Declare the resources of `package` from now on."""
        self.package = package
        if package == NATIVE:
            self.environment["PYTHONPATH"] = str(installed_sdk(self.folder.parent))
        (self.folder / "__main__.py").write_text(self.program.replace("{package}", package))

    def declare(self, **declarations: Any) -> None:
        """Write what the program declares."""
        (self.folder / "declarations.json").write_text(json.dumps(declarations))

    def pulumi(self, *arguments: str, **environment: str) -> Run:
        """Run `pulumi` to its end."""
        run = self.begin(*arguments, **environment)
        printed = ended(run, self.patience_s)
        output = printed if self.package == DYNAMIC else _in_snake_case(printed)
        return Run(run.returncode, output, printed)

    def begin(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `pulumi`, as a terminal does: in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *arguments: str, **environment: str) -> Run:
        """Run `pulumi up` and expect success."""
        run = self.pulumi("up", "--yes", "--skip-preview", "--stack", self.name, *arguments, **environment)
        assert run.code == 0, run.output
        return run

    def fails_up(self, *arguments: str, **environment: str) -> Run:
        """Run `pulumi up` and expect failure, told without a traceback."""
        run = self.pulumi("up", "--yes", "--skip-preview", "--stack", self.name, *arguments, **environment)
        assert run.code != 0, run.output
        assert "Traceback" not in run.output
        return run

    def preview(self, *arguments: str, **environment: str) -> Run:
        """Run `pulumi preview --diff`."""
        return self.pulumi("preview", "--diff", "--stack", self.name, *arguments, **environment)

    def refresh(self, *arguments: str) -> Run:
        """Run `pulumi refresh` and expect success."""
        run = self.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.name, *arguments)
        assert run.code == 0, run.output
        return run

    def destroy(self) -> Run:
        """Run `pulumi destroy` and expect success."""
        run = self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.name)
        assert run.code == 0, run.output
        return run

    def output(self, name: str) -> Any:
        """A stack output in clear."""
        run = self.pulumi("stack", "output", name, "--json", "--show-secrets", "--stack", self.name)
        assert run.code == 0, run.output
        return json.loads(run.output)

    def checkpoint(self) -> str:
        """The state as it lies in the file backend right now, also while a run goes on."""
        backend = Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
        files = (backend / ".pulumi" / "stacks").rglob(f"{self.name}.json")
        return "".join(file.read_text() for file in files)

    def exported(self) -> dict[str, Any]:
        """The exported state, secrets encrypted."""
        run = self.pulumi("stack", "export", "--stack", self.name)
        assert run.code == 0, run.output
        state: dict[str, Any] = json.loads(run.output)
        return state

    def resources(self, kind: str = "GroqApiKey") -> list[dict[str, Any]]:
        """The resources of one kind in the exported state."""
        found = self.exported()["deployment"].get("resources", [])
        return [resource for resource in found if resource["type"].endswith(f":{kind}")]


def _in_snake_case(text: str) -> str:
    # Not of settings (`groq:adminKey`), which have one spelling.
    return re.sub(r"(?<!groq:)\b[a-z]+(?:[A-Z][a-z]+)+\b", lambda found: _SNAKE.get(found[0], found[0]), text)


def installed_sdk(folder: Path) -> Path:
    """The plugin's Python SDK as an installer lays it out, below `folder`; the entry for the search path."""
    site = folder / "sdk"
    if not site.exists():
        shutil.copytree(SDK, site)
        metadata = f"Metadata-Version: 2.1\nName: {NATIVE}\nVersion: {version('pulumi-groq')}\n"
        (site / f"{NATIVE}-{version('pulumi-groq')}.dist-info").mkdir()
        (site / f"{NATIVE}-{version('pulumi-groq')}.dist-info" / "METADATA").write_text(metadata)
    return site


def start_gateway(store: Path, *options: str) -> Gateway:
    """Start a gateway with test controls on a free port and wait until it serves."""
    admin_key = f"admin-{secrets.token_urlsafe(24)}"
    log = store.with_suffix(".log")
    with log.open("a") as file:
        process = ForkedGateway(
            ["--port", "0", "--store", f"sqlite:///{store}", "--test-controls", *options],
            {**os.environ, "GROQ_ADMIN_KEY": admin_key},
            file,
        )
    try:
        listening = wait_for(r"listening on (http://\S+)", process.stdout)
    except AssertionError as silent:
        process.stop()
        raise AssertionError(f"the gateway did not start: {silent}: {log.read_text()}") from silent
    return Gateway(process, listening[1], admin_key, store)


def new_stack(
    folder: Path,
    gateway: Gateway | None,
    name: str = "dev",
    project: str = "infra",
    package: str = DYNAMIC,
    program: str = PROGRAM,
) -> Stack:
    """Make a project folder below `folder` with one stack; state and home stay there too.

    `program` has `{package}` where the name of the package stands.
    """
    home = folder / f"{project}-{name}"
    home.mkdir()
    (home / "Pulumi.yaml").write_text(
        f"name: {project}\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
        f"plugins:\n  providers:\n    - name: groq\n      path: {Path(sys.prefix, 'bin')}\n"
    )
    (folder / f"state-{project}-{name}").mkdir()
    stack = open_stack(folder, gateway, name, project, package, program)
    made = stack.pulumi("stack", "init", name)
    if made.code:
        raise AssertionError(made.output)
    return stack


def open_stack(
    folder: Path,
    gateway: Gateway | None,
    name: str = "dev",
    project: str = "infra",
    package: str = DYNAMIC,
    program: str = PROGRAM,
) -> Stack:
    """The stack that `new_stack` has made below `folder`, or below the one that it is a copy of."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "GROQ_"))},
        "PULUMI_HOME": str(folder / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{folder / f'state-{project}-{name}'}",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if gateway is not None:
        environment["GROQ_ADMIN_BASE_URL"] = gateway.base_url
        environment["GROQ_ADMIN_KEY"] = gateway.admin_key
    stack = Stack(folder / f"{project}-{name}", name, environment, program=program)
    stack.use(package)
    return stack
