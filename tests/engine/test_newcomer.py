"""What a newcomer does, in an empty folder, with nothing but the built wheel: from `init` to `destroy`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from process_output import wait_for

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery staple"
POLICY = """\
rules:
  approved-models:
    check: models_approved
    models: [openai/gpt-oss-20b]
    reason: Others are not through our review.
"""


class Newcomer:
    """A person at a shell: an environment with the wheel, a folder, and what the shell has exported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exported = {
            "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "pulumi-home"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def runs(self, *command: str, within: str = ".", code: int = 0) -> str:
        """What the command prints, once it has ended with `code`."""
        done = subprocess.run(
            command,
            cwd=self.folder / within,
            env=self.exported,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{command}: {done.stdout}"
        assert "Traceback" not in done.stdout
        return done.stdout

    def pulumi(self, *arguments: str) -> str:
        return self.runs("pulumi", *arguments, "--non-interactive", within="infra")

    def changes(self, old: str, new: str) -> None:
        """Edit access.yaml."""
        file = self.folder / "infra" / "stacks" / "access.yaml"
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")

    def key(self) -> str:
        """The application's key, as a stack's outputs have it."""
        shown = self.pulumi("stack", "output", "api_keys", "--show-secrets", "--json")
        value: str = json.loads(shown)["my-app"]
        return value

    def calls(self, key: str) -> int:
        body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}
        return httpx.post(
            f"{self.exported['GROQ_ADMIN_BASE_URL']}/openai/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {key}", "user-agent": "my-app/1"},
            timeout=60,
        ).status_code


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("pulumi_groq-*.whl"))


@pytest.fixture
def newcomer(wheel: Path, tmp_path: Path) -> Newcomer:
    """An environment with the wheel alone, in an empty folder."""
    uv = ("sh", str(ROOT / "setup" / "uv_run.sh"))
    made = tmp_path / "venv"
    asked = f"pulumi-groq[gateway] @ {wheel.as_uri()}"
    # The SDK stays at the version of the CLI that is on PATH.
    venv = ("venv", "--quiet", "--no-project", "--python", sys.executable, str(made))
    into = ("pip", "install", "--quiet", "--python", str(made / "bin" / "python"))
    for command in (venv, (*into, asked, "pulumi==3.259.0")):
        subprocess.run([*uv, *command], check=True)
    return Newcomer(tmp_path)


@pytest.fixture
def gateway(newcomer: Newcomer) -> Iterator[None]:
    """`pulumi-groq serve`, as init's last lines say, on a port that is free."""
    command = shutil.which("pulumi-groq", path=newcomer.exported["PATH"])
    assert command is not None
    newcomer.exported["GROQ_ADMIN_KEY"] = "admin-key-of-a-newcomer"
    with subprocess.Popen(
        [command, "serve", "--port", "0"],
        cwd=newcomer.folder,
        env=newcomer.exported,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            newcomer.exported["GROQ_ADMIN_BASE_URL"] = wait_for(r"http://\S+", serving.stdout)[0]
            yield
        finally:
            serving.terminate()


def test_from_nothing_to_nothing(newcomer: Newcomer, gateway: None) -> None:
    """init, up, a call, a change that is reviewed by a policy, a rotation, and down."""
    assert "pulumi stack init dev" in newcomer.runs("pulumi-groq", "init", "infra")
    assert "pulumi-groq" in (newcomer.folder / "infra" / "requirements.txt").read_text()
    state = newcomer.folder / "state"  # `--local` would be the home of whoever runs the tests
    state.mkdir()
    newcomer.pulumi("login", f"file://{state}")
    newcomer.pulumi("stack", "init", "dev")
    newcomer.runs("pulumi-groq", "review", within="infra")
    assert "+ 5 created" in newcomer.pulumi("up", "--yes")
    first = newcomer.key()
    assert newcomer.calls(first) == 200

    policy = newcomer.folder / "infra" / "stacks" / "policy.yaml"
    newcomer.changes("[openai/gpt-oss-20b]", "[openai/gpt-oss-20b, openai/gpt-oss-120b]")
    preview = newcomer.pulumi("preview", "--json")
    (newcomer.folder / "infra" / "preview.json").write_text(preview[preview.index("{") :])
    policy.write_text(POLICY)
    refused = newcomer.runs("pulumi-groq", "review", "preview.json", within="infra", code=3)
    assert "not through our review" in refused
    newcomer.changes("[openai/gpt-oss-20b, openai/gpt-oss-120b]", "[openai/gpt-oss-20b]")
    newcomer.changes("requests_per_minute: 60", "requests_per_minute: 300")
    newcomer.runs("pulumi-groq", "review", within="infra")
    assert "~ 1 updated" in newcomer.pulumi("up", "--yes")

    newcomer.changes("{every_days: 90}", "{every_days: 90, trigger: second}")
    newcomer.pulumi("up", "--yes")
    second = newcomer.key()
    assert second != first
    assert [newcomer.calls(key) for key in (first, second)] == [200, 200]
    status = newcomer.runs("pulumi-groq", "rotation", "status", "--consumers", within="infra")
    assert status.count("my-app/1") == 2

    newcomer.pulumi("config", "set", "groq:allowDeleteInUse", "true")
    newcomer.pulumi("up", "--yes")
    newcomer.pulumi("destroy", "--yes")
    assert [newcomer.calls(key) for key in (first, second)] == [401, 401]
    assert newcomer.runs("pulumi-groq", "keys", "list", "--output", "json").strip() == "[]"
    newcomer.pulumi("stack", "rm", "dev", "--yes")
