"""`pulumi-groq rotation status`: golden outputs, exit codes, and names that look like something else."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.cli import tables
from pulumi_groq.cli.main import commands
from report_facts import GOLDEN, KEY, OWNER, TYPES, live_key, urn

AS_OF = "2026-11-23T12:00:00Z"
MONTHLY = {"every_days": 30, "overlap_hours": 24, "quiet_hours": 24, "freeze_windows": []}
ENCRYPTED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def key_id(number: int) -> str:
    return f"key_01{number:024d}"


def declared(name: str, first: int, **outputs: Any) -> dict[str, Any]:
    """A key of the stack, its lineage begun by the key number `first`; an output that is None is left out."""
    values = {
        **KEY,
        "name": name,
        "api_key": ENCRYPTED,
        "key_id": key_id(first),
        "lineage_id": key_id(first),
        "generation": 1,
        "rotation": MONTHLY,
        **outputs,
    }
    held = {field: value for field, value in values.items() if value is not None}
    kind = "GroqApiKey"
    return {
        "urn": urn(kind, name),
        "type": TYPES + kind,
        "custom": True,
        "id": key_id(first),
        "outputs": held,
    }


def stack_text(*keys: dict[str, Any]) -> str:
    """What `pulumi stack export` writes of a stack with these keys."""
    return json.dumps({"version": 3, "deployment": {"resources": keys}})


def live(name: str, number: int, first: int, **fields: Any) -> Any:
    """A key that the gateway has, in the lineage begun by the key number `first`."""
    return live_key(
        name=name, declared_as=name, id=key_id(number), lineage_id=key_id(first), **fields
    ).model_dump(mode="json")


STACK = [
    declared("young", 1),
    declared("old", 2),
    declared("overlapping", 4, key_id=key_id(5), generation=2, previous_key_id=key_id(4)),
    declared("busy", 6, key_id=key_id(7), generation=2, previous_key_id=key_id(6)),
    declared("quiet", 8, key_id=key_id(9), generation=2, previous_key_id=key_id(8)),
    declared("cut-off", 10),
    declared("adopted", 12, api_key=None),
    declared("gone", 13),
    declared("plain", 14, rotation=None),
]
LIVE = [
    live("young", 1, 1, created_at="2026-11-20T00:00:00Z"),
    live("old", 2, 2, created_at="2026-10-20T00:00:00Z", last_used_at="2026-11-23T11:58:07Z"),
    live("overlapping", 4, 4, created_at="2026-10-20T00:00:00Z", last_used_at="2026-11-22T20:15:00Z"),
    live("overlapping", 5, 4, created_at="2026-11-22T20:00:00Z", generation=2),
    live("busy", 6, 6, created_at="2026-10-20T00:00:00Z", last_used_at="2026-11-23T11:30:00Z"),
    live("busy", 7, 6, created_at="2026-11-20T12:00:00Z", generation=2, last_four="bsy2"),
    live("quiet", 8, 8, created_at="2026-10-20T00:00:00Z", last_used_at="2026-11-22T10:00:00Z"),
    live("quiet", 9, 8, created_at="2026-11-20T12:00:00Z", generation=2),
    live("cut-off", 10, 10, created_at="2026-10-20T00:00:00Z"),
    live("cut-off", 11, 10, created_at="2026-11-23T03:00:00Z", generation=2, last_four="lost"),
    live("adopted", 12, 12, created_at="2026-11-20T00:00:00Z"),
    live("plain", 14, 14, created_at="2025-11-20T00:00:00Z", status="disabled"),
]


GONE = {"message": "No such key", "type": "invalid_request_error", "code": "api_key_not_found"}


class Gateway:
    """Answers every list with the same keys, and remembers what it was asked."""

    def __init__(
        self, keys: list[dict[str, Any]], status: int, consumers: dict[str, list[dict[str, str]]]
    ) -> None:
        page = {
            "object": "list",
            "as_of": AS_OF,
            "data": keys,
            "first_id": None,
            "last_id": None,
            "has_more": False,
        }
        refused = {"error": {"message": "Invalid API Key", "type": "invalid_request_error"}}
        content = json.dumps(page if status == 200 else refused).encode()
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                path = self.path.split("/")
                of_key = consumers.get(path[-2])
                told, sent = status, content
                if path[-1] == "consumers" and of_key is None:
                    told, sent = 404, json.dumps({"error": GONE}).encode()
                elif path[-1] == "consumers":
                    sent = json.dumps({"object": "list", "as_of": AS_OF, "data": of_key}).encode()
                self.send_response(told)
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def start(keys: list[dict[str, Any]], status: int = 200, **consumers: list[dict[str, str]]) -> Gateway:
        started.append(Gateway(keys, status, consumers))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def run(gateway: Gateway, stack: str, *arguments: str, source: str = "-", **environment: str) -> Result:
    url = f"http://127.0.0.1:{gateway.server.server_port}"
    settings = {"GROQ_ADMIN_BASE_URL": url, "GROQ_ADMIN_KEY": "adm-0123456789", **environment}
    return CliRunner().invoke(commands, ["rotation", "status", source, *arguments], env=settings, input=stack)


@pytest.mark.parametrize(("output", "file"), [("table", "rotation.txt"), ("json", "rotation.json")])
def test_golden(output: str, file: str, serve: Any) -> None:
    """Every kind of key, as it was when the output was last read and found right; 3 says something is due."""
    result = run(serve(LIVE), stack_text(*STACK), "--output", output)
    assert result.exit_code == 3
    assert [line.rstrip() for line in result.stdout.splitlines()] == (GOLDEN / file).read_text().splitlines()


def test_few_columns_leave_names_whole(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What belongs together is stacked, and no word is cut into pieces."""
    monkeypatch.setattr(tables, "_NO_WIDTH", 80)
    text = run(serve(LIVE), stack_text(*STACK), "--consumers").stdout
    assert max(len(line) for line in text.splitlines()) <= 80
    shown = {word for line in text.splitlines() for word in line.split()}
    document = json.loads(run(serve(LIVE), stack_text(*STACK), "--output", "json").stdout)
    assert {key["name"] for key in document["keys"]} <= shown


def test_only_the_stack_s_keys_are_asked_for(serve: Any) -> None:
    """One list of the stack's own keys, and nothing else, whatever the number of keys."""
    gateway = serve(LIVE)
    run(gateway, stack_text(*STACK))
    assert gateway.asked == [f"/openai/v1/api-keys?limit=100&managed_by={OWNER.replace('/', '%2F')}"]


def used(address: str, user_agent: str, at: str) -> dict[str, str]:
    """A consumer as the gateway tells it."""
    return {"address": address, "user_agent": user_agent, "last_used_at": f"2026-11-23T{at}:00Z"}


CONSUMERS = {
    key_id(6): [used("10.0.0.7", "batch/3 [red]\u202e", "11:30"), used("10.0.0.8", "chat/2", "09:00")],
    key_id(7): [used("10.0.0.8", "chat/2", "11:59")],
    key_id(2): [used("10.0.0.9", "", "11:58")],
}
"""One has moved on, one has not; of all other keys the gateway knows nothing any more."""


@pytest.mark.parametrize(
    ("output", "file"), [("table", "rotation-consumers.txt"), ("json", "rotation-consumers.json")]
)
def test_consumers_golden(output: str, file: str, serve: Any) -> None:
    """Who has the old value and who the new one, the old first; a key deleted meanwhile has nobody."""
    gateway = serve(LIVE, **CONSUMERS)
    result = run(gateway, stack_text(*STACK), "--output", output, "--consumers")
    assert result.exit_code == 3
    assert [line.rstrip() for line in result.stdout.splitlines()] == (GOLDEN / file).read_text().splitlines()


def test_who_has_moved_is_not_late(serve: Any) -> None:
    """Late is who was seen with the old value, and not since with the new one."""
    shown = run(serve(LIVE, **CONSUMERS), stack_text(*STACK), "--consumers").stdout
    assert shown.splitlines()[-1].endswith("; 1 consumer on an old value")


@pytest.mark.parametrize("due", [False, True])
def test_exit_code_says_whether_something_is_due(due: bool, serve: Any) -> None:
    """0 where `pulumi up` would do nothing, 3 where it would."""
    created_at = "2026-10-20T00:00:00Z" if due else "2026-11-20T00:00:00Z"
    gateway = serve([live("young", 1, 1, created_at=created_at)])
    result = run(gateway, stack_text(declared("young", 1)), "--output", "json")
    assert (result.exit_code, json.loads(result.stdout)["due"]) == (3 if due else 0, due)


def test_file(tmp_path: Path, serve: Any) -> None:
    """A file is read as stdin is."""
    file = tmp_path / "stack.json"
    file.write_text(stack_text(*STACK))
    gateway = serve(LIVE)
    assert run(gateway, "", source=str(file)).stdout == run(gateway, stack_text(*STACK)).stdout


def test_real_export(serve: Any) -> None:
    """A stack that the real engine exported is read; its keys have no rotation, so nothing is due."""
    result = run(serve([]), (GOLDEN / "stack.export.json").read_text(), "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = json.loads(result.stdout)
    assert [key["name"] for key in shown["keys"]] == ["batch-processor", "chatbot-prod", "pilot"]
    assert shown["keys"][0]["notes"] == [
        "no rotation is declared",
        "the gateway has no such key: run `pulumi refresh`",
    ]


HOSTILE = ["[red]x[/red]", "a\x1b[31mb", "a\nb", "x" * 300, "名前", "a\u202eb", "[link=http://x]y"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_nothing(name: str, serve: Any) -> None:
    """Markup stays text, control characters are written out, a row stays a row; JSON keeps the name."""
    gateway = serve([live("other", 1, 1, created_at="2026-11-20T00:00:00Z")])
    stack = stack_text(declared(name, 1))
    table = run(gateway, stack)
    assert table.exit_code == 0
    assert "\x1b" not in table.stdout
    assert "\u202e" not in table.stdout
    assert len(table.stdout.splitlines()) <= 10
    if name.isprintable() and len(name) < 100:
        assert name in table.stdout
    shown = json.loads(run(gateway, stack, "--output", "json").stdout)
    assert shown["keys"][0]["name"] == name


def test_refusal_is_one_line_and_exit_code_1(serve: Any) -> None:
    """What the admin API refuses is one line on stderr."""
    result = run(serve([], 401), stack_text(*STACK))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("Error: cannot list API keys: Invalid API Key")


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("no stack", {}, "stdin holds no stack: give the output of `pulumi stack export`"),
        ("{}", {}, "stdin holds no stack"),
        ("", {"GROQ_ADMIN_KEY": ""}, "Error: GROQ_ADMIN_KEY is missing"),
    ],
)
def test_bad_setting_is_one_line_and_exit_code_2(
    text: str, environment: dict[str, str], words: str, serve: Any
) -> None:
    """What is no stack, and a missing setting, is named on one line before any request."""
    gateway = serve([])
    result = run(gateway, text, **environment)
    assert (result.exit_code, result.stderr.count("\n"), gateway.asked) == (2, 1, [])
    assert words in result.stderr


def test_no_secret_is_asked_for(tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the command exports the stack itself, and never with its secrets."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat {tmp_path}/stack.json\n')
    pulumi.chmod(0o755)
    (tmp_path / "stack.json").write_text(stack_text(declared("young", 1)))
    gateway = serve([live("young", 1, 1, created_at="2026-11-20T00:00:00Z")])
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    url = f"http://127.0.0.1:{gateway.server.server_port}"
    settings = {"GROQ_ADMIN_BASE_URL": url, "GROQ_ADMIN_KEY": "adm-0123456789"}
    result = CliRunner().invoke(commands, ["rotation", "status", "--stack", "dev"], env=settings)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "asked").read_text().split() == [
        *("stack", "export", "--non-interactive", "--stack", "dev")
    ]
