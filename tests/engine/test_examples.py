"""Programs over the plugin: Python and YAML on the real engine, TypeScript compiled with `tsc` and run."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_engine import NATIVE
from node_packages import installed_packages
from pulumi_groq.models.api_key import ApiKeyCreate

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BUILT_HOST = ROOT / ".tools" / "yaml-host"
HAS_YAML_HOST = shutil.which("pulumi-language-yaml") or (BUILT_HOST / "pulumi-language-yaml").exists()

MOCKED = """
const pulumi = require("@pulumi/pulumi");
const registered = {};
pulumi.runtime.setMocks({
    newResource: (args) => {
        registered[`${args.type} ${args.name}`] = args.inputs;
        const given = { teamName: args.name, keyId: "key_1", apiKey: "gsk-1" };
        return { id: `${args.name}-id`, state: { ...given, ...args.inputs } };
    },
    call: () => ({ models: [{ id: "a" }, { id: "b" }] }),
}, "example", "dev", false);
const example = require("./bin/index.js");
pulumi.all([example.keyId, example.models])
    .apply((outputs) => console.log(JSON.stringify({ registered, outputs })));
"""


def use_example(stack: Any, language: str) -> None:
    """Put an example into the stack's project, which names the plugin's folder."""
    for file in (EXAMPLES / language).iterdir():
        if file.name != "Pulumi.yaml":
            shutil.copy(file, stack.folder)
    project = Path(stack.folder, "Pulumi.yaml")
    if language == "yaml":
        plugins = project.read_text()[project.read_text().index("plugins:") :]
        example = (EXAMPLES / language / "Pulumi.yaml").read_text()
        project.write_text(example.replace("name: groq-example", "name: infra") + plugins)


def check_keys(gateway: Any, stack: Any) -> None:
    """The example's key is live, labelled as it is written, and its value is the stack's output."""
    with gateway.client() as client:
        (key,) = client.list_keys()
        assert (key.name, key.team, key.requests_per_minute) == ("chatbot-prod", "chatbot", 500)
        assert key.metadata == {"costCentre": "7"}
        assert client.get_spend_policy().monthly_cap_usd == 500
    assert stack.output("keyId") == key.id
    assert stack.output("apiKey")[-4:] == key.last_four


def test_python(gateway: Any, new_stack: Callable[..., Any]) -> None:
    """Up, unchanged, destroy."""
    stack = new_stack(gateway, package=NATIVE)
    use_example(stack, "python")
    stack.up()
    check_keys(gateway, stack)
    assert stack.output("models") > 0
    assert "4 unchanged" in stack.up().output
    stack.destroy()


NEEDS_YAML_HOST = pytest.mark.skipif(
    not HAS_YAML_HOST, reason="no YAML language host here: `make yaml` brings it"
)


@NEEDS_YAML_HOST
def test_yaml(gateway: Any, new_stack: Callable[..., Any]) -> None:
    """Up, an update whose preview shows one line, destroy."""
    stack = new_stack(gateway, package=NATIVE)
    stack.environment["PATH"] += f":{BUILT_HOST}"
    use_example(stack, "yaml")
    stack.up()
    check_keys(gateway, stack)
    project = Path(stack.folder, "Pulumi.yaml")
    project.write_text(project.read_text().replace("requestsPerMinute: 500", "requestsPerMinute: 600"))
    shown = stack.preview().printed
    assert "~ requestsPerMinute: 500 => 600" in shown
    assert "~ 1 to update" in shown
    assert "3 unchanged" in shown
    stack.destroy()


@NEEDS_YAML_HOST
def test_an_import_prints_the_program(gateway: Any, new_stack: Callable[..., Any]) -> None:
    """What `pulumi import` prints declares the key as it is: only its owner is new in the next run."""
    with gateway.client() as client:
        wanted = ApiKeyCreate(
            name="legacy",
            allowed_models=["openai/gpt-oss-20b"],
            requests_per_minute=7,
            metadata={"costCentre": "7"},
        )
        key = client.create_key(wanted, "import-test").key
    stack = new_stack(gateway, package=NATIVE)
    stack.environment["PATH"] += f":{BUILT_HOST}"
    project = Path(stack.folder, "Pulumi.yaml")
    plugins = project.read_text()[project.read_text().index("plugins:") :]
    project.write_text(f"name: infra\nruntime: yaml\n{plugins}")
    imported = stack.pulumi(
        "import", "groq:index:GroqApiKey", "legacy", key.id, "--protect=false", "--yes", "--stack", stack.name
    )
    assert imported.code == 0, imported.printed
    project.write_text(project.read_text() + imported.printed[imported.printed.index("resources:\n") :])
    stack.up()
    with gateway.client() as client:
        (owned,) = client.list_keys()
    placed = {"managed_by": "organization/infra/dev", "declared_as": "legacy"}
    new = {"claim", "updated_at"}
    assert owned.model_dump(exclude=new) == {**key.model_dump(exclude={*new, "api_key"}), **placed}
    assert "2 unchanged" in stack.up().printed


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """TypeScript and Pulumi's Node.js SDK, installed where they are not there yet."""
    return installed_packages(EXAMPLES / "typescript" / "package.json")


def test_typescript(node_modules: Path, tmp_path: Path) -> None:
    """SDK and example compile strictly, and the program declares what it says."""
    (tmp_path / "node_modules").symlink_to(node_modules)
    sdk = Path(shutil.copytree(ROOT / "sdk" / "nodejs", tmp_path / "sdk"))
    example = Path(shutil.copytree(EXAMPLES / "typescript", tmp_path / "example"))
    compiler = str(node_modules / ".bin" / "tsc")
    compiled(compiler, sdk)
    shutil.copy(sdk / "package.json", sdk / "bin")
    (example / "node_modules").mkdir()
    (example / "node_modules" / "pulumi-groq-sdk").symlink_to(sdk / "bin")
    compiled(compiler, example)
    done = subprocess.run(
        ["node", "-e", MOCKED], cwd=example, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    ran = json.loads(done.stdout)
    assert ran["outputs"] == ["key_1", 2]
    assert ran["registered"]["groq:index:GroqApiKey chatbot-prod"] == {
        "team": "chatbot",
        "allowedModels": ["openai/gpt-oss-20b"],
        "requestsPerMinute": 500,
        "rotation": {"everyDays": 30},
        "metadata": {"costCentre": "7"},
    }


def test_typescript_refuses_a_wrong_property(node_modules: Path, tmp_path: Path) -> None:
    """A misspelt argument or a value of another type does not compile."""
    (tmp_path / "node_modules").symlink_to(node_modules)
    shutil.copytree(ROOT / "sdk" / "nodejs", tmp_path / "sdk")
    (tmp_path / "wrong.ts").write_text(
        'import * as groq from "./sdk";\n'
        'new groq.GroqApiKey("a", { allowedModels: ["m"], requestPerMinute: 5 });\n'
        'new groq.GroqApiKey("b", { allowedModels: "m" });\n'
    )
    done = subprocess.run(
        [
            str(node_modules / ".bin" / "tsc"),
            *("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"),
            "wrong.ts",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert sorted(line.split("(")[0] for line in done.stdout.splitlines() if "error TS" in line) == [
        "wrong.ts",
        "wrong.ts",
    ]
    assert "requestPerMinute" in done.stdout


def compiled(compiler: str, folder: Path) -> None:
    """Compile a project, whose every error fails the test."""
    done = subprocess.run([compiler], cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout
