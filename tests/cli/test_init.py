"""`pulumi-groq init`: a project in an empty folder, without a terminal and without overwriting anything."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from pulumi_groq.access import load_access
from pulumi_groq.access.schema import schema_text
from pulumi_groq.cli.main import commands

CHECKOUT = Path(__file__).parents[2]
NO_GATEWAY = {"GROQ_ADMIN_BASE_URL": "", "GROQ_ADMIN_KEY": ""}


def init(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(commands, ["init", str(folder), *arguments], env=NO_GATEWAY)


def test_the_defaults_are_a_whole_project(tmp_path: Path) -> None:
    """Nobody is asked where there is no terminal; what is written is what this repository uses itself."""
    done = init(tmp_path / "infra")
    assert (done.exit_code, done.stderr) == (0, "")
    folder = tmp_path / "infra"
    access = load_access(folder / "stacks" / "access.yaml")
    assert [(key.team, key.name) for key in access.keys] == [("my-team", "my-app")]
    assert access.spend_policy is not None
    assert (folder / "stacks" / "access.schema.json").read_text("utf-8") == schema_text()
    for written, source in {
        "stacks/__main__.py": "stacks/__main__.py",
        "stacks/groq_access.py": "stacks/groq_access.py",
        ".github/workflows/groq-preview.yml": ".github/workflows/preview.yml",
        ".github/workflows/groq-deploy.yml": ".github/workflows/deploy.yml",
        ".github/workflows/groq-nightly.yml": ".github/workflows/nightly.yml",
    }.items():
        assert (folder / written).read_text("utf-8") == (CHECKOUT / source).read_text("utf-8")
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text("utf-8"))
    assert (project["name"], project["main"], project["runtime"]) == ("groq-access", "stacks/", "python")
    assert (folder / "requirements.txt").read_text("utf-8").startswith("pulumi-groq[cli]==")
    assert "  pulumi up\n" in done.stdout


def test_the_next_commands_can_be_copied(tmp_path: Path) -> None:
    """Whatever the folder is called."""
    assert f"  cd '{tmp_path}/my infra'\n" in init(tmp_path / "my infra").stdout


def test_options_are_declared(tmp_path: Path) -> None:
    """Names, models and the cap come from options, whatever characters they have."""
    options = ["--project", "infra", "--team", "Büro: 1", "--key", "no", "--monthly-cap-usd", "12.5"]
    done = init(tmp_path, *options, "--model", "openai/gpt-oss-20b", "--model", "openai/gpt-oss-120b")
    assert done.exit_code == 0, done.stderr
    access = load_access(tmp_path / "stacks" / "access.yaml")
    (key,) = access.keys
    assert (key.team, key.name) == ("Büro: 1", "no")
    assert key.allowed_models == ["openai/gpt-oss-20b", "openai/gpt-oss-120b"]
    assert access.spend_policy is not None
    assert str(access.spend_policy.monthly_cap_usd) == "12.5"
    assert "name: infra\n" in (tmp_path / "Pulumi.yaml").read_text("utf-8")


def test_a_misspelt_model_is_told(tmp_path: Path) -> None:
    """It is written, for a gateway may know more models; the first run would fail otherwise."""
    done = init(tmp_path, "--model", "openai/gpt-os-20b", "--model", "openai/gpt-oss-120b")
    assert (done.exit_code, done.stderr) == (
        0,
        "openai/gpt-os-20b is not in the price list (did you mean openai/gpt-oss-20b?): a gateway refuses it "
        "without a price\n",
    )


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """One file that exists keeps all others from being written."""
    (tmp_path / "Pulumi.yaml").write_text("name: mine\n")
    done = init(tmp_path)
    assert done.exit_code == 2
    assert "Pulumi.yaml exists, and nothing is overwritten" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["Pulumi.yaml"]
    assert (tmp_path / "Pulumi.yaml").read_text() == "name: mine\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "not a model"], "allowed_models.0: must be a model's id"),
        (["--monthly-cap-usd", "0"], "'--monthly-cap-usd': 0.0 is not in the range"),
        (["--monthly-cap-usd", "nan"], "'--monthly-cap-usd': nan is no number"),
        (["--project", "a b"], "--project must be 1 to 100 letters"),
        (["--from-gateway", "--team", "x"], "leave the other options out"),
        (["--litellm-teams", "teams.json"], "give --from-gateway, or --from-litellm"),
        (["--from-litellm", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--from-gateway"], "GROQ_ADMIN_BASE_URL"),
    ],
)
def test_an_unusable_answer_writes_nothing(tmp_path: Path, arguments: list[str], told: str) -> None:
    """One line says what is wrong; the folder stays empty."""
    done = init(tmp_path, *arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_folder_can_have_is_one_line(tmp_path: Path) -> None:
    """As any other folder that cannot be written."""
    done = init(tmp_path / ("x" * 300))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "file name too long" in done.stderr


def test_what_was_written_is_taken_away_when_the_rest_cannot_be(tmp_path: Path) -> None:
    """A file where a folder is needed: nothing of the project is left, and nothing else is touched."""
    (tmp_path / ".github").write_text("mine", encoding="utf-8")
    done = init(tmp_path)
    assert (done.exit_code, ".github: cannot be written" in done.stderr) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == [".github"]


def test_a_link_to_nowhere_is_there(tmp_path: Path) -> None:
    """It would be written through, or fail in the midst."""
    (tmp_path / "Pulumi.yaml").symlink_to("nowhere")
    done = init(tmp_path)
    assert (done.exit_code, "Pulumi.yaml exists" in done.stderr) == (2, True)


def test_nothing_to_declare_is_told(tmp_path: Path) -> None:
    """With what was left out, if anything was."""
    for keys, told in (
        ([], "there is no key, team or policy"),
        ([{"token": "t", "key_alias": "a", "models": ["gpt-4"]}], "all of it is left out"),
    ):
        (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}), encoding="utf-8")
        done = init(tmp_path / "infra", "--from-litellm", str(tmp_path / "keys.json"))
        assert (done.exit_code, f"nothing to declare: {told}" in done.stderr) == (2, True)
        assert ("left out: key a" in done.stdout, (tmp_path / "infra").exists()) == (bool(keys), False)


def test_a_key_that_no_access_file_can_have_keeps_none_of_the_others(tmp_path: Path) -> None:
    """It is left out with the reason; its name steers no terminal."""
    model = ["openai/gpt-oss-20b"]
    keys = [
        {"token": "1", "key_alias": "a\x1b[31m\nb", "models": model},
        {"token": "2", "key_alias": "huge", "models": model, "tpm_limit": 10**23},
        {"token": "3", "key_alias": "tiny", "models": model, "max_budget": 1e-9, "budget_duration": "30d"},
        {"token": "4", "key_alias": "null", "models": model},
    ]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}), encoding="utf-8")
    done = init(tmp_path / "infra", "--from-litellm", str(tmp_path / "keys.json"))
    assert done.exit_code == 0, done.stderr
    access = load_access(tmp_path / "infra" / "stacks" / "access.yaml")
    assert [key.name for key in access.keys] == ["null"]
    assert "1 key in 1 team" in done.stdout
    assert [name for name in ("huge", "tiny") if f"left out: key {name}: teams." not in done.stdout] == []
    assert "\x1b" not in done.stdout
    assert "pulumi-groq serve &" in done.stdout  # there is no gateway yet
