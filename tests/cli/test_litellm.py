"""`pulumi-groq init --from-litellm`: what LiteLLM's lists become, and what is told instead."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.access import load_access
from pulumi_groq.cli.main import commands

# In the shape of GET /key/list?return_full_object=true; fields that nobody reads are there as well.
KEYS: list[dict[str, Any]] = [
    {
        "token": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "key_name": "sk-...tOHA",
        "key_alias": "bot",
        "spend": 1.5,
        "team_id": "team-1",
        "models": ["groq/openai/gpt-oss-20b", "gpt-4o"],
        "rpm_limit": 60,
        "tpm_limit": 90000,
        "max_budget": 12.345678,
        "budget_duration": "30d",
        "expires": "2031-04-15T10:30:00-02:00",
        "metadata": {"owner": "dana", "tags": ["x"]},
        "blocked": None,
    },
    {
        "token": "aa" * 32,
        "key_alias": None,
        "models": ["llama-3.1-8b-instant"],
        "blocked": True,
        "rpm_limit": 0,
    },
    {"token": "bb" * 32, "key_alias": "whole-team", "team_id": "team-1", "models": ["all-team-models"]},
    {"token": "cc" * 32, "key_alias": "elsewhere", "models": ["gpt-4o"]},
    {"token": "dd" * 32, "key_alias": "bot", "models": ["llama-3.1-8b-instant"]},
    {
        "token": "ee" * 32,
        "key_alias": "day",
        "models": ["llama-3.1-8b-instant"],
        "max_budget": 5,
        "budget_duration": "1d",
    },
]
TEAMS = [{"team_id": "team-1", "team_alias": "Chatbot", "models": ["groq/openai/gpt-oss-120b"], "spend": 3}]


def init(folder: Path, keys: Any, teams: Any = None) -> Result:
    (folder / "keys.json").write_text(json.dumps(keys))
    arguments = ["init", str(folder / "made"), "--from-litellm", str(folder / "keys.json")]
    if teams is not None:
        (folder / "teams.json").write_text(json.dumps(teams))
        arguments += ["--litellm-teams", str(folder / "teams.json")]
    return CliRunner().invoke(commands, arguments)


def test_keys_become_declarations(tmp_path: Path) -> None:
    """Names, models, limits, budgets, ends, labels and teams come over; the file is one that `up` takes."""
    done = init(tmp_path, {"keys": KEYS, "total_count": 6, "current_page": 1, "total_pages": 1}, TEAMS)
    assert done.exit_code == 0, done.stderr
    access = load_access(tmp_path / "made" / "stacks" / "access.yaml")
    keys = {key.name: key for key in access.keys}
    assert {key.name: key.team for key in access.keys} == {
        "bot": "Chatbot",
        "litellm-aaaaaaaa": "without-team",
        "whole-team": "Chatbot",
        "day": "without-team",
    }
    bot = keys["bot"]
    assert bot.allowed_models == ["openai/gpt-oss-20b"]
    assert (bot.requests_per_minute, bot.tokens_per_minute) == (60, 90000)
    assert str(bot.monthly_budget_usd) == "12.345678"
    assert str(bot.expires_at) == "2031-04-15 12:30:00+00:00"
    assert bot.metadata == {"owner": "dana"}
    assert keys["whole-team"].allowed_models == ["openai/gpt-oss-120b"]
    assert (keys["litellm-aaaaaaaa"].disabled, keys["litellm-aaaaaaaa"].requests_per_minute) == (True, None)
    assert keys["day"].monthly_budget_usd is None


def test_what_has_no_equal_is_told(tmp_path: Path) -> None:
    """Nothing is dropped silently, and no value or hash of a key is written or shown."""
    done = init(tmp_path, {"keys": KEYS}, TEAMS)
    told = [
        line.removeprefix("left out: ") for line in done.stdout.splitlines() if line.startswith("left out")
    ]
    assert told == [
        "key bot: model gpt-4o, which Groq does not serve",
        "key litellm-aaaaaaaa: its requests_per_minute of 0; `disabled: true` refuses all requests",
        "key elsewhere: model gpt-4o, which Groq does not serve",
        "key elsewhere: no model that Groq serves is named for it",
        "key bot: another key has its name",
        "key day: its budget of 5 USD for 1d; set a monthly one",
    ]
    written = (tmp_path / "made" / "stacks" / "access.yaml").read_text()
    assert "88dc28d0" not in written + done.output


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"keys": [], "total_pages": 3}, "keys.json is one page of 3: join the `keys` of all pages"),
        ({"keys": ["88dc28d0f030"]}, "return_full_object=true answers at keys.0"),
        ([], "return_full_object=true answers"),
    ],
)
def test_another_document_is_refused(tmp_path: Path, keys: Any, told: str) -> None:
    """What is not the whole list is told in one line, and nothing is written."""
    done = init(tmp_path, keys)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "made").exists()
