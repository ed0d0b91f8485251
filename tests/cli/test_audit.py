"""`pulumi-groq audit` over made-up changes."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.cli import audit as command
from pulumi_groq.cli.main import commands
from pulumi_groq.models.change_chain import BEGINNING, hash_of
from pulumi_groq.models.history import Change


def chain(length: int) -> list[Change]:
    """Changes, oldest first."""
    made: list[Change] = []
    for number in range(1, length + 1):
        change = Change(
            id=number,
            at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number),
            kind="api_key",
            object_id=f"key_0{number}",
            name="=cmd|bot [red]",
            action="updated",
            fields=["monthly_budget_usd", "key_hash"],
            before={"monthly_budget_usd": 1},
            after={"monthly_budget_usd": 2},
            managed_by=None,
            actor="adm_01",
            role="team-admin",
            address="192.0.2.1",
            request_id="req_01",
            previous_hash=made[-1].hash if made else BEGINNING,
        )
        made.append(change.model_copy(update={"hash": hash_of(change)}))
    return made


class Client:
    """An admin client with these changes."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes
        self.filters: list[dict[str, Any]] = []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def audit(self, **filters: Any) -> list[Change]:
        self.filters.append(filters)
        return self.changes[::-1]


def run(monkeypatch: pytest.MonkeyPatch, client: Client, *arguments: str) -> Result:
    monkeypatch.setattr(command, "admin_client", lambda: client)
    return CliRunner().invoke(commands, ["audit", *arguments])


def test_a_table_shows_the_newest_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who, from where, did what, from what to what; a secret is only named."""
    text = run(monkeypatch, Client(chain(3)), "--limit", "2").stdout
    assert text.index("key_02") < text.index("key_03")
    assert "key_01" not in text
    for shown in ("adm_01", "team-admin", "192.0.2.1", "monthly_budget_usd: 1 -> 2", "key_hash (secret)"):
        assert shown in text


@pytest.mark.parametrize(("action", "side"), [("created", "after"), ("deleted", "before")])
def test_what_was_made_or_deleted_is_shown(monkeypatch: pytest.MonkeyPatch, action: str, side: str) -> None:
    """All that was set, without what the row says already."""
    values = {"id": "key_01", "name": "bot", "allowed_models": ["m"], "budgets": [], "monthly_budget_usd": 2}
    changed = {"action": action, "fields": [], "before": {}, "after": {}, side: values}
    (change,) = chain(1)
    shown = run(monkeypatch, Client([change.model_copy(update=changed)]))
    assert 'allowed_models: ["m"]' in shown.output
    assert "monthly_budget_usd: 2" in shown.output
    assert "budgets: " not in shown.output.replace("monthly_budget", "")


def test_nothing_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """To people; a program gets its format."""
    assert run(monkeypatch, Client([])).output == "No changes.\n"
    assert run(monkeypatch, Client([]), "--output", "jsonl").output == ""


def test_days_in_the_wrong_order_are_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked."""
    client = Client([])
    result = run(monkeypatch, client, "--since", "yesterday")
    assert (result.exit_code, "yesterday is no day such as 2026-11-30" in result.output) == (2, True)
    result = run(monkeypatch, client, "--since", "2026-12-01", "--until", "2026-11-01")
    assert (result.exit_code, "--since is after --until" in result.output, client.filters) == (2, True, [])


def test_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whole change a line."""
    made = chain(2)
    lines = run(monkeypatch, Client(made), "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [each.model_dump(mode="json") for each in made]


def test_csv_is_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a spreadsheet would run is text."""
    text = run(monkeypatch, Client(chain(1)), "--output", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["name"], json.loads(row["after"])) == ("'=cmd|bot [red]", {"monthly_budget_usd": 2})


def test_filters_are_asked_of_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days as days."""
    client = Client([])
    run(monkeypatch, client, "--actor", "root", "--object", "ops", "--since", "2026-11-01")
    assert client.filters == [
        {"actor": "root", "object_id": "ops", "action": None, "since": "2026-11-01", "until": None}
    ]


def test_following_shows_what_is_new() -> None:
    """Each change once, oldest first, until Ctrl-C."""
    made = chain(4)
    client = Client(made[:1])
    shown: list[int] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt
        client.changes = made[: 2 * len(waits)]

    told = lambda more: shown.extend(each.id for each in more)  # noqa: E731
    command.follow_changes(client, {}, 1, told, sleep)  # type: ignore[arg-type]
    assert (shown, len(waits)) == ([2, 3, 4], 3)


def test_a_whole_chain_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The anchor that is printed is accepted."""
    made = chain(3)
    first = run(monkeypatch, Client(made), "verify")
    anchor = f"3:{made[-1].hash}"
    assert (first.exit_code, first.stdout) == (
        0,
        f"the chain is whole: 3 changes, 1 to 3\nanchor: {anchor}\n",
    )
    assert run(monkeypatch, Client(made), "verify", "--anchor", anchor).exit_code == 0


def test_a_broken_chain_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something is missing in the middle, or at the end by the anchor."""
    made = chain(3)
    middle = run(monkeypatch, Client([made[0], made[2]]), "verify")
    end = run(monkeypatch, Client(made[:2]), "verify", "--anchor", f"3:{made[-1].hash}")
    assert (middle.exit_code, end.exit_code) == (3, 3)
    assert "between changes 1 and 3 something was removed or altered" in middle.stdout
    assert "the last changes were removed" in end.stdout


@pytest.mark.parametrize("anchor", ["", "x", "1", "1:2", "x:" + "0" * 64])
def test_an_unusable_anchor_is_refused(monkeypatch: pytest.MonkeyPatch, anchor: str) -> None:
    """With exit code 2, unless there is none."""
    result = run(monkeypatch, Client(chain(1)), "verify", "--anchor", anchor)
    assert result.exit_code == (2 if anchor else 0)
