"""`pulumi-groq keys list` and `keys show`, against canned answers on a real port."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.table import Table

from pulumi_groq.cli.keys import keys_table, narrow_keys_table
from pulumi_groq.cli.main import commands
from pulumi_groq.models.api_key import ApiKey

KEY_ID = "key_01000000000000000000000001"
KEY = {
    "object": "api_key",
    "id": KEY_ID,
    "name": "chatbot-prod [red]",
    "allowed_models": ["llama-3.3-70b-versatile", "llama-3.1-8b-instant"],
    "allowed_tools": ["mcp:a.example"],
    "requests_per_minute": 500,
    "tokens_per_minute": None,
    "requests_per_day": "unlimited",
    "tokens_per_day": None,
    "max_parallel_requests": 20,
    "monthly_budget_usd": 1000,
    "budgets": [],
    "model_limits": {},
    "runaway": None,
    "paused": None,
    "share": None,
    "expires_at": None,
    "team": "chatbot",
    "metadata": {"cost-centre": "[link=x]7[/link]"},
    "managed_by": "acme/groq/dev",
    "declared_as": None,
    "claim": None,
    "replaces": None,
    "lineage_id": KEY_ID,
    "generation": 1,
    "status": "active",
    "effective_limits": {
        "requests_per_minute": 500,
        "tokens_per_minute": 250000,
        "requests_per_day": None,
        "tokens_per_day": None,
        "max_parallel_requests": 20,
    },
    "last_four": "wxyz",
    "created_at": "2026-11-01T00:00:00Z",
    "updated_at": "2026-11-01T00:00:00Z",
    "last_used_at": "2026-11-23T11:58:07Z",
}
PAGE = {
    "object": "list",
    "as_of": "2026-11-23T12:00:00Z",
    "data": [KEY],
    "first_id": KEY_ID,
    "last_id": KEY_ID,
    "has_more": False,
}
REFUSED = {
    "error": {"message": "Invalid API Key", "type": "invalid_request_error", "code": "invalid_api_key"}
}


class Gateway:
    """Answers every request the same way and remembers their paths."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        paths: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(self.path)

            def do_DELETE(self) -> None:
                self._answer(f"DELETE {self.path}")

            def _answer(self, path: str) -> None:
                paths.append(path)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self.paths = paths
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {"GROQ_ADMIN_BASE_URL": url, "GROQ_ADMIN_KEY": "adm-0123456789"}

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Gateway]]:
    gateways: list[Gateway] = []

    def start(body: dict[str, Any], status: int = 200) -> Gateway:
        gateways.append(Gateway(status, body))
        return gateways[-1]

    yield start
    for gateway in gateways:
        gateway.stop()


def run(gateway: Gateway, *arguments: str) -> Result:
    return CliRunner().invoke(commands, ["keys", *arguments], env=gateway.environment)


def words(result: Result) -> list[list[str]]:
    return [line.split() for line in result.stdout.splitlines() if line.strip()]


def test_list_is_a_table(serve: Any) -> None:
    """A key is a row with its limits, defaults marked as such, and names that look like markup intact."""
    result = run(serve(PAGE), "list")
    assert result.exit_code == 0
    heading, _, first, second = words(result)
    assert " ".join(heading) == "ID Name Status Ends in Team Models Tools RPM TPM USD/month Last used"
    assert first == [
        *(KEY_ID, "chatbot-prod", "[red]", "active", "wxyz", "chatbot", "llama-3.3-70b-versatile"),
        *("mcp:a.example", "500", "250,000", "(default)", "1,000", "2026-11-23", "11:58", "UTC"),
    ]
    assert second == ["llama-3.1-8b-instant"]


def test_list_as_json(serve: Any) -> None:
    """For programs, the list is what the admin API gave."""
    assert json.loads(run(serve(PAGE), "list", "--output", "json").stdout) == [KEY]


def test_filters_reach_the_gateway(serve: Any) -> None:
    """The gateway filters, so that a long list is not fetched for nothing."""
    gateway = serve(PAGE)
    run(gateway, "list", "--managed-by", "acme/groq/dev", "--name", "a b", "--team", "t")
    assert gateway.paths == ["/openai/v1/api-keys?limit=100&managed_by=acme%2Fgroq%2Fdev&name=a+b&team=t"]


def test_show_is_a_row_per_field(serve: Any) -> None:
    """Everything about one key, limits as they are in force."""
    gateway = serve(KEY)
    result = run(gateway, "show", KEY_ID)
    assert result.exit_code == 0
    assert gateway.paths == [f"/openai/v1/api-keys/{KEY_ID}"]
    shown = {row[0]: " ".join(row[1:]) for row in words(result)}
    assert list(shown)[:2] == ["id", "name"]
    assert shown["name"] == "chatbot-prod [red]"
    assert shown["allowed_models"] == "llama-3.3-70b-versatile, llama-3.1-8b-instant"
    assert shown["metadata"] == "cost-centre=[link=x]7[/link]"
    assert shown["tokens_per_minute"] == "250,000 (default)"
    assert shown["requests_per_day"] == "unlimited"
    assert shown["tokens_per_day"] == "unlimited (default)"
    assert shown["max_parallel_requests"] == "20"
    assert shown["monthly_budget_usd"] == "1,000"
    assert shown["replaces"] == "-"


def test_show_as_json(serve: Any) -> None:
    """For programs, the key is what the admin API gave."""
    assert json.loads(run(serve(KEY), "show", KEY_ID, "--output", "json").stdout) == KEY


@pytest.mark.parametrize("arguments", [("list",), ("show", KEY_ID)])
def test_refusal_is_one_line_and_exit_code_1(arguments: tuple[str, ...], serve: Any) -> None:
    """What the admin API refuses is one line on stderr."""
    result = run(serve(REFUSED, 401), *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: cannot ")
    assert "Invalid API Key (401 invalid_api_key)" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({"GROQ_ADMIN_BASE_URL": ""}, "GROQ_ADMIN_BASE_URL is missing:"),
        ({"GROQ_ADMIN_BASE_URL": "gateway"}, "GROQ_ADMIN_BASE_URL must be"),
        ({"GROQ_ADMIN_KEY": ""}, "GROQ_ADMIN_KEY is missing:"),
    ],
)
def test_missing_setting_is_one_line_and_exit_code_2(
    environment: dict[str, str], setting: str, serve: Any
) -> None:
    """A setting that is missing or unusable is named on one line, before any request."""
    gateway = serve(PAGE)
    result = CliRunner().invoke(commands, ["keys", "list"], env=gateway.environment | environment)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {setting} ")
    assert result.stderr.count("\n") == 1
    assert gateway.paths == []


ADMIN_KEY = {
    "object": "admin_key",
    "id": "adm_01000000000000000000000001",
    "name": "preview [red]",
    "role": "team-admin",
    "teams": ["ops", "research"],
    "expires_at": "2027-01-01T00:00:00Z",
    "status": "active",
    "last_four": "wxyz",
    "managed_by": "acme/groq/dev",
    "declared_as": None,
    "claim": None,
    "replaces": None,
    "lineage_id": "adm_01000000000000000000000001",
    "generation": 1,
    "created_at": "2026-11-01T00:00:00Z",
    "updated_at": "2026-11-01T00:00:00Z",
    "last_used_at": "2026-11-23T11:58:07Z",
}


def test_admin_keys_are_listed_with_their_roles(serve: Any) -> None:
    """Role, teams and expiry; the filters of API keys hold for them, too."""
    gateway = serve({"object": "list", "as_of": "2026-11-23T12:00:00Z", "data": [ADMIN_KEY]})
    _, _, first, second = words(run(gateway, "list", "--admin"))
    assert first == [
        *(ADMIN_KEY["id"], "preview", "[red]", "active", "wxyz", "team-admin", "ops"),
        *("2027-01-01", "00:00", "UTC", "2026-11-23", "11:58", "UTC", "acme/groq/dev"),
    ]
    assert second == ["research"]
    found = [
        json.loads(run(gateway, "list", "--admin", "--output", "json", "--team", team).stdout)
        for team in ("ops", "other")
    ]
    assert found == [[ADMIN_KEY], []]
    assert set(gateway.paths) == {"/openai/v1/admin-keys"}


def test_resume_lets_a_paused_key_go_on(serve: Any) -> None:
    """It says since when the key was paused, and what it is now."""
    since = {"since": "2026-11-23T11:00:00Z", "spent_usd": 3, "allowed_usd": 1, "resumes_at": None}
    gateway = serve(KEY | {"paused": since})
    result = run(gateway, "resume", KEY_ID)

    assert result.exit_code == 0
    assert gateway.paths == [
        f"/openai/v1/api-keys/{KEY_ID}",
        f"DELETE /openai/v1/api-keys/{KEY_ID}/pause",
    ]
    assert result.output == (
        f"chatbot-prod [red] ({KEY_ID}) is active: it was paused since 2026-11-23 11:00 UTC\n"
    )


def test_resume_says_that_a_key_was_not_paused(serve: Any) -> None:
    """Nothing has changed then."""
    assert "it was not paused" in run(serve(KEY), "resume", KEY_ID).output


@pytest.mark.parametrize("table", [keys_table, narrow_keys_table])
def test_a_terminal_of_80_columns_gets_a_table_of_its_own(table: Callable[..., Table]) -> None:
    """Each key in a few lines: its id whole, to be copied, and no column of single letters."""
    key = ApiKey.model_validate_json(json.dumps(KEY))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table([key] * 3))
    lines = console.export_text().splitlines()
    is_readable = len(lines) < 20 and sum(KEY_ID in line for line in lines) == 3
    assert is_readable == (table is narrow_keys_table)


def test_labels_do_nothing_to_a_terminal(serve: Any) -> None:
    """Their values may hold any character but NUL; each is shown whole, on the line of its field."""
    labels = {"esc": "\x1b[31mred\x1b]0;title\x07", "lines": "a\nb\tc", "long": "x" * 512}
    result = run(serve({**KEY, "metadata": labels}), "show", KEY_ID)
    shown = next(line for line in result.output.splitlines() if "metadata" in line)
    assert shown.split("metadata")[1].strip() == (
        rf"esc=\x1b[31mred\x1b]0;title\x07, lines=a\nb\tc, long={'x' * 512}"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "list", "--team", ""],
        ["keys", "list", "--name", "a\nb"],
        ["keys", "list", "--name", "n" * 70_000],
        ["keys", "show", "pgq_value"],
        ["audit", "--object", ""],
    ],
)
def test_an_argument_that_no_request_can_hold_is_exit_code_2(arguments: list[str], serve: Any) -> None:
    """As any other option that is wrong: nothing was asked, so nobody refused."""
    gateway = serve(PAGE)
    result = CliRunner().invoke(commands, arguments, env=gateway.environment)
    assert (result.exit_code, result.stderr.count("\n"), gateway.paths) == (2, 1, [])
