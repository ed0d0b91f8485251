"""`pulumi-groq init`: a project in an empty folder, without a terminal and without overwriting anything."""

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
        (["--monthly-cap-usd", "0"], "monthly_cap_usd: must be more than 0"),
        (["--monthly-cap-usd", "nan"], "monthly_cap_usd: must be a number of US dollars"),
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
