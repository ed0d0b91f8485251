"""`pulumi-groq validate`: a recorded stack against a stand-in gateway, exit codes, trial calls."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from pulumi_groq.cli.main import commands
from pulumi_groq.cli.validate import checks_table
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.validation.checks import Check, Outcome, Validation
from report_facts import GOLDEN

ADMIN_KEY = "adm-0123456789"
STACK = GOLDEN / "stack.export.json"
NO_RIGHTS = {"object": "list", "data": []}
ANSWERS = {
    **json.loads((GOLDEN / "unchanged.live.json").read_text()),
    "admin_keys": {**NO_RIGHTS, "as_of": "2026-11-23T12:00:00Z"},
    "workload_identities": NO_RIGHTS,
}
NAMES = {"batch-processor", "chatbot-prod", "pilot"}


def value_of(name: str) -> str:
    return f"pgq_{name.replace('-', ''):0<48}"


class Gateway:
    """Answers the admin API as recorded, and inference calls as a sound gateway would; counts the latter."""

    def __init__(self, answers: dict[str, Any], status: int) -> None:
        self.chats: list[tuple[str, str]] = []
        owners = {value_of(key["name"]): key for key in ANSWERS["api_keys"]["data"]}
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                part = self.path.split("?")[0].removeprefix("/openai/v1/").replace("-", "_")
                key = owners.get(self._bearer())
                if key is not None:
                    self._send(200, {"data": [{"id": model} for model in key["allowed_models"]]})
                else:
                    self._send(status, answers[part])

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = owners[self._bearer()]
                gateway.chats.append((key["name"], body["model"]))
                assert body["max_tokens"] == 1
                if "tools" in body:
                    self._send(403, {"error": {"message": "no", "code": "tool_not_allowed"}})
                elif body["model"] in key["allowed_models"]:
                    self._send(200, {"choices": []})
                else:
                    self._send(403, {"error": {"message": "no", "code": "model_not_available"}})

            def _bearer(self) -> str:
                return str(self.headers["authorization"]).removeprefix("Bearer ")

            def _send(self, code: int, body: Any) -> None:
                content = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {"GROQ_ADMIN_BASE_URL": url, "GROQ_ADMIN_KEY": ADMIN_KEY}

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Gateway]]:
    gateways: list[Gateway] = []

    def start(status: int = 200, **changed: Any) -> Gateway:
        gateways.append(Gateway({**ANSWERS, **changed}, status))
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.stop()


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """The recorded stack as an export with its secrets shown."""
    export = json.loads(STACK.read_text())
    for resource in export["deployment"]["resources"]:
        if resource["type"].endswith(":GroqApiKey"):
            secret = resource["outputs"]["api_key"]
            secret["plaintext"] = json.dumps(value_of(resource["outputs"]["name"]))
            del secret["ciphertext"]
    file = tmp_path / "shown.json"
    file.write_text(json.dumps(export))
    return file


def run(gateway: Gateway | None, *arguments: str, text: str | None = None, **environment: str) -> Result:
    where = gateway.environment if gateway else {"GROQ_ADMIN_BASE_URL": "", "GROQ_ADMIN_KEY": ""}
    return CliRunner().invoke(commands, ["validate", *arguments], env={**where, **environment}, input=text)


def without_policy() -> dict[str, Any]:
    changed = {**ANSWERS["spend_policy"], "auto_pause": False}
    return {"spend_policy": changed}


def test_a_sound_stack(serve: Any, shown: Path, tmp_path: Path) -> None:
    """Every key is tried with its own and with a foreign model, and no value is printed."""
    gateway = serve()
    result = run(gateway, str(shown), "--cwd", str(tmp_path), "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    checks = json.loads(result.stdout)["checks"]
    denied = {each["subject"]: each["outcome"] for each in checks if each["check"] == "denied model"}
    assert denied == dict.fromkeys(NAMES, "ok")
    assert sorted({name for name, _ in gateway.chats}) == sorted(NAMES)
    assert len(gateway.chats) == 9
    assert "pgq_" not in result.stdout


def test_no_try(serve: Any, shown: Path, tmp_path: Path) -> None:
    """--no-try makes no call with a key."""
    gateway = serve()
    result = run(gateway, str(shown), "--no-try", "--cwd", str(tmp_path))
    assert result.exit_code == 0
    assert gateway.chats == []
    assert "checks: " in result.stdout


def test_hidden_values_are_said_to_be_untried(serve: Any, tmp_path: Path) -> None:
    """An export without its secrets proves no access, and the report says so."""
    result = run(serve(), str(STACK), "--cwd", str(tmp_path), "--output", "json")
    assert result.exit_code == 0
    skipped = [each for each in json.loads(result.stdout)["checks"] if each["outcome"] == "skipped"]
    assert {each["subject"] for each in skipped} == NAMES


@pytest.mark.parametrize("output", ["table", "json", "markdown", "junit"])
def test_a_mismatch_is_exit_code_3(output: str, serve: Any, tmp_path: Path) -> None:
    """What differs is in every format, and in the exit code."""
    gateway = serve(**without_policy())
    result = run(gateway, str(STACK), "--no-try", "--cwd", str(tmp_path), "--output", output)
    assert result.exit_code == 3
    assert "auto-pause: declared on" in result.stdout
    if output == "junit":
        assert len(ET.fromstring(result.stdout).findall(".//failure")) == 1  # noqa: S314 (our own output)


def test_stdin(serve: Any, tmp_path: Path) -> None:
    """A pipe from `pulumi stack export` does what a file does."""
    result = run(serve(), "-", "--no-try", "--cwd", str(tmp_path), text=STACK.read_text())
    assert result.exit_code == 0


def test_the_access_file_alone(serve: Any, tmp_path: Path) -> None:
    """Without a stack the access file is held against the gateway, key by name."""
    file = tmp_path / "access.yaml"
    file.write_text("teams:\n  chatbot:\n    allowed_models: [openai/gpt-oss-20b]\n    keys: {nobody: {}}\n")
    result = run(serve(), "--no-state", "--access-file", str(file), "--output", "json")
    assert result.exit_code == 3
    details = [each["detail"] for each in json.loads(result.stdout)["checks"]]
    assert "missing: line 4 is not deployed" in details


def test_a_refused_admin_key_is_exit_code_1(serve: Any, tmp_path: Path) -> None:
    """What the admin API refuses is one line on stderr."""
    refused = {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}}
    result = run(serve(401, api_keys=refused), str(STACK), "--cwd", str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Invalid API Key (401 invalid_api_key)" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.json"], "missing.json: cannot be read: No such file or directory"),
        ([__file__], "holds no stack: give the output of `pulumi stack export`"),
        (["--no-state", "x.json"], "--no-state leaves out the stack that x.json holds: give one of the two"),
        (["--no-state"], "--no-state leaves nothing to compare: name a file with --access-file"),
    ],
)
def test_wrong_settings_are_one_line(arguments: list[str], said: str, serve: Any, tmp_path: Path) -> None:
    """A wrong file or option is named on one line, with exit code 2."""
    result = run(serve(), *arguments, "--cwd", str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@settings(deadline=None, max_examples=60)
@given(name=st.text(min_size=1, max_size=40))
@example(name="[red]x[/red] [link=http://y]z[/link] \x1b[31m\r\n\x07\u202e :smile:")
def test_names_are_inert_in_the_table(name: str) -> None:
    """No markup is read, no control character reaches the terminal, and no row breaks."""
    checks = (Check("keys", name, "exists", Outcome.MISMATCH, name, name),)
    shown = io.StringIO()
    Console(file=shown, width=2_000).print(checks_table(Validation("stack", "gateway", checks)))
    heading, _, row = (line for line in shown.getvalue().splitlines() if line.strip())
    assert heading.split() == ["What", "Check", "Found"]
    assert row.isprintable()
    assert visible(name).strip() in row


def test_a_missing_gateway_setting_is_exit_code_2() -> None:
    """Nothing can be validated without the gateway's address."""
    result = run(None, str(STACK))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "GROQ_ADMIN_BASE_URL is missing" in result.stderr
