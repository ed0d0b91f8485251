"""Commands of other tools that pages show: run, or read by the tool itself."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deployment_tools import TOOLS, run_tool
from local_engine import Gateway, start_gateway
from openbao_server import BAO, openbao_server
from page_commands import ROOT, PageCommand, page_commands

COMPOSE_OPTIONS = {"--file", "--build", "--wait"}  # Compose's own; of it only the loader can be had here
KUBERNETES = ("--kube-version", "1.37.0")
TOKENS = b'{"value": "a.b.c"}'


def shown(tool: str) -> list[PageCommand]:
    """What pages show of one tool."""
    found = [command for command in page_commands() if command.tool == tool]
    assert found
    return found


def sh(line: str, folder: Path, *search: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a line as a page shows it."""
    path = os.pathsep.join([*map(str, search), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, **settings, "PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def unread(command: PageCommand, behind: int) -> list[str]:
    """What the tool's own reader does not know, when it is asked for help behind so many of the words."""
    assert shutil.which(command.tool), f"{command.tool} is missing: make deployment-tools"
    done = subprocess.run(
        [*command.words[:behind], "--help", *command.words[behind:]],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    told = done.stdout + done.stderr
    usage = re.search(rf"Usage:\s+{command.tool} ([a-z ]+)", told)
    words = [word for word in command.words[1:] if re.fullmatch("[a-z]+", word)]
    if done.returncode or usage is None or usage[1].split()[0] not in words:
        return [f"{command}: {told.strip().splitlines()[:1]}"]
    return []


def test_kubectl_reads_each() -> None:
    """Subcommands and options of `kubectl`."""
    assert [wrong for command in shown("kubectl") for wrong in unread(command, len(command.words))] == []


def test_the_secret_that_kubectl_makes_has_what_the_chart_reads(tmp_path: Path) -> None:
    """As the page on deploying creates it, but without a cluster."""
    [line] = {command.line for command in shown("kubectl") if "create secret" in command.line}
    done = sh(f"{line.splitlines()[0]} --dry-run=client -o json", tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["data"]) == {"admin-key", "gateway-secret", "store-url"}


def test_docker_reads_each() -> None:
    """`docker build` and `docker run` by its own reader; of Compose its loader reads the file."""
    wrong = []
    for command in shown("docker"):
        if command.words[1] != "compose":
            wrong += unread(command, 2)  # behind the image all is the container's
            continue
        wrong += [word for word in command.words if word.startswith("--") and word not in COMPOSE_OPTIONS]
        file = command.words[command.words.index("--file") + 1]
        settings = dict.fromkeys(("GROQ_ADMIN_KEY", "GROQ_GATEWAY_SECRET", "POSTGRES_PASSWORD"), "x" * 40)
        read = run_tool("compose-config", str(ROOT / file), environment={**os.environ, **settings})
        wrong += [] if read.returncode == 0 else [read.stderr]
    assert wrong == []


def test_helm_runs_each(tmp_path: Path) -> None:
    """`helm install` and `upgrade` as `helm template`, without a cluster, with the values of the page."""
    for command in shown("helm"):
        assert (TOOLS / "bin" / "helm").exists(), "helm is missing: make deployment-tools"
        words = [str(ROOT / word) if word.startswith("deploy/") else word for word in command.words]
        assert words[1] in {"install", "upgrade"}
        done = sh(shlex.join(["helm", "template", *KUBERNETES, *words[2:]]), tmp_path, TOOLS / "bin")
        assert done.returncode == 0, done.stderr
        assert "kind: StatefulSet" in done.stdout


def test_vault_runs_each(tmp_path: Path) -> None:
    """OpenBao's command line in the place of Vault's, fed with what `pulumi stack output` writes."""
    (tmp_path / "vault").symlink_to(BAO)
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("""#!/bin/sh\necho '{"chatbot-prod": "gsk_value"}'\n""", encoding="ascii")
    pulumi.chmod(0o755)
    with openbao_server(tmp_path) as openbao:
        for command in shown("vault"):
            settings = {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
            done = sh(command.line, tmp_path, tmp_path, **settings)
            assert done.returncode == 0, done.stderr
            assert openbao.get("data/groq").json()["data"]["data"] == {"chatbot-prod": "gsk_value"}


class Server(ThreadingHTTPServer):
    """Answers every GET with `TOKENS`, and keeps what was asked."""

    asked: list[str]


@pytest.fixture
def other_server() -> Iterator[Server]:
    """In the place of LiteLLM and of GitHub's issuer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(f"{self.path} {self.headers['authorization']}")
            self.send_response(200)
            self.send_header("content-length", str(len(TOKENS)))
            self.end_headers()
            self.wfile.write(TOKENS)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A running gateway."""
    started = start_gateway(tmp_path / "gateway.db")
    yield started
    started.stop()


def test_curl_and_jq_run(tmp_path: Path, gateway: Gateway, other_server: Server) -> None:
    """Each `curl` of the pages, those with "jq" behind them too, against a gateway or what stands in."""
    other = f"http://127.0.0.1:{other_server.server_port}"
    settings = {
        "GROQ_ADMIN_BASE_URL": gateway.base_url,
        "GROQ_ADMIN_KEY": gateway.admin_key,
        "LITELLM_URL": other,
        "LITELLM_MASTER_KEY": "litellm-master",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{other}/token?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "actions",
        "token": "a.b.c",
    }
    answers = {}
    for command in shown("curl"):
        done = sh(command.line, tmp_path, **settings)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        answers[command.words[-1]] = done.stdout
    assert other_server.asked == [
        "/key/list?return_full_object=true&size=100 Bearer litellm-master",
        "/team/list Bearer litellm-master",
        "/token?api-version=2&audience=https://groq.example.com Bearer actions",
    ]
    assert (tmp_path / "keys.json").read_bytes() == TOKENS
    refused = json.loads(answers["audience=deploy"])  # the identity is known; the token is none
    assert refused["error_description"] == "subject_token: it is not a signed JSON Web Token"
    [made] = [json.loads(text) for name, text in answers.items() if "admin_role" in name]
    assert (made["name"], made["admin_role"]) == ("deploy", "owner")
