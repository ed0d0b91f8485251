"""The workflows that users copy: least permissions, pinned, inert, and made of commands that exist."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pulumi_groq.cli.main import commands

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
PERMISSIONS = {
    "preview.yml": {"preview": {"contents": "read", "id-token": "write", "pull-requests": "write"}},
    "deploy.yml": {"up": {"contents": "read", "id-token": "write"}},
    "newcomer.yml": {"up-and-down": {"contents": "read"}},
    "release.yml": {
        "build": {"contents": "read"},
        "publish": {"attestations": "write", "id-token": "write"},
    },
    "nightly.yml": {
        "drift": {"contents": "read", "id-token": "write", "issues": "write"},
        "rotation": {"contents": "read", "id-token": "write"},
    },
}
"""All that each job of each workflow may do."""

IDENTITIES = {
    ("preview.yml", "preview"): ("preview", None),
    ("deploy.yml", "up"): ("deploy", "groq"),
    ("nightly.yml", "drift"): ("drift", "groq-drift"),
    ("nightly.yml", "rotation"): ("deploy", "groq"),
}
"""Job -> the workload identity that it is, and its environment, which is in the subject of its token."""

OWN = {"newcomer.yml", "release.yml"}
"""Run for this project; the others are offered to users."""

OFFERED = [file for file in FILES if file.name not in OWN]

every_workflow = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
offered_workflow = pytest.mark.parametrize("file", OFFERED, ids=lambda file: file.name)


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file).values() for step in job["steps"]]


def scripts(file: Path) -> list[str]:
    return [step["run"] for step in steps(file) if "run" in step]


def calls(file: Path, program: str) -> Iterator[list[str]]:
    """The argument lists with which the scripts call `program`."""
    for script in scripts(file):
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == [program]:
                yield words[1:]


def test_all_workflows_are_known() -> None:
    """Preview, deployment, the nightly run and the project's own; each is in the table above."""
    assert [file.name for file in FILES] == sorted(PERMISSIONS)


@every_workflow
def test_permissions_are_least(file: Path) -> None:
    """Nothing is granted to the workflow as a whole, and to its job only what the table says."""
    assert yaml.safe_load(file.read_text())["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs(file).items()} == PERMISSIONS[file.name]


@every_workflow
def test_actions_are_pinned(file: Path) -> None:
    """Every action is named by a commit, with its version beside it."""
    used = re.findall(r"uses: *(.*)", file.read_text())
    assert used
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [action for action in used if not pinned.fullmatch(action)] == []


@offered_workflow
def test_nothing_runs_where_nobody_has_set_it_up(file: Path) -> None:
    """Without the variable PULUMI_STACK, as in this repository, every job is skipped."""
    assert {job["if"].split(" && ")[0] for job in jobs(file).values()} == {"vars.PULUMI_STACK != ''"}


@every_workflow
def test_scripts_hold_no_expressions(file: Path) -> None:
    """Values reach scripts through the environment only: nothing that others write becomes a command."""
    assert [script for script in scripts(file) if "${{" in script] == []


@every_workflow
def test_secrets_go_to_single_steps(file: Path) -> None:
    """A secret is given to the steps that use it, never to a job or to an action."""
    whole = [{**job, "steps": []} for job in jobs(file).values()]
    actions = [step for step in steps(file) if "uses" in step]
    assert [part for part in whole + actions if "secrets." in str(part)] == []


@every_workflow
def test_scripts_are_shell(file: Path) -> None:
    """Every script can be read by bash."""
    for script in scripts(file):
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@offered_workflow
def test_the_gateway_is_reached_without_a_stored_key(file: Path) -> None:
    """Each job asks for its own token and says which workload identity it is."""
    text = file.read_text()
    assert "GROQ_ADMIN_KEY" not in text
    assert text.count("GROQ_ADMIN_WORKLOAD_IDENTITY") == len(jobs(file))
    for name, job in jobs(file).items():
        named = (job["env"]["GROQ_ADMIN_WORKLOAD_IDENTITY"], job.get("environment"))
        assert named == IDENTITIES[file.name, name]


def test_no_two_identities_accept_the_same_token() -> None:
    """The environment is in the token's subject: what a viewer runs cannot be exchanged for more."""
    environments = [environment for _, environment in {*IDENTITIES.values()}]
    assert len(set(environments)) == len({identity for identity, _ in IDENTITIES.values()})


def test_the_nightly_run_changes_nothing_where_it_found_drift() -> None:
    """Only once the search has succeeded."""
    assert jobs(WORKFLOWS / "nightly.yml")["rotation"]["needs"] == "drift"


@pytest.mark.parametrize("name", sorted(OWN))
def test_the_project_s_own_run_in_it_only(name: str) -> None:
    """Whoever copies the whole folder is not made to run the project's own jobs."""
    conditions = {job["if"] for job in jobs(WORKFLOWS / name).values()}
    assert conditions == {"github.event.repository.name == 'pulumi-groq'"}


def test_only_what_was_tried_is_published() -> None:
    """By trusted publishing: the job that publishes gets no code, no secret, and what the other one tried."""
    build, publish = jobs(WORKFLOWS / "release.yml").values()
    tried = [step["run"].strip() for step in build["steps"] if "run" in step]
    assert [command for command in (".ci/run", "make package") if command not in tried] == []
    assert publish["needs"] == "build"
    assert publish["environment"] == "pypi"
    assert [step for step in publish["steps"] if "run" in step or "checkout" in step["uses"]] == []
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text()


def test_the_newcomer_runs_the_two_commands_of_the_readme() -> None:
    """What the README says first is what is tried on a new machine."""
    said = re.findall(
        r"^\$ (make (?:up|down))\b", (WORKFLOWS.parents[1] / "README.md").read_text(), re.MULTILINE
    )
    run = [line.strip() for script in scripts(WORKFLOWS / "newcomer.yml") for line in script.splitlines()]
    assert {command for command in run if command.startswith("make ")} == set(said)


@offered_workflow
def test_commands_exist(file: Path) -> None:
    """Every `pulumi-groq` call is a command of ours, with options that it has."""
    called = list(calls(file, "pulumi-groq"))
    assert called
    for name, *arguments in called:
        command = commands.commands[name]
        known = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
        given = {word for word in arguments if word.startswith("--")}
        assert given <= known


@every_workflow
def test_pulumi_never_asks(file: Path) -> None:
    """A run that waits for an answer would hang until the job's limit."""
    for arguments in calls(file, "pulumi"):
        assert "--non-interactive" in arguments
        assert arguments[0] != "up" or {"--yes", "--suppress-outputs"} <= set(arguments)
    assert all(job["timeout-minutes"] <= 60 for job in jobs(file).values())


def test_one_run_at_a_time_changes_the_stack() -> None:
    """Deployments and nightly runs wait for each other, and none is cut off in the middle."""
    groups = [
        yaml.safe_load((WORKFLOWS / name).read_text())["concurrency"]
        for name in ("deploy.yml", "nightly.yml")
    ]
    assert groups == [{"group": "groq-stack", "cancel-in-progress": False}] * 2


def test_nightly_runs_use_no_key() -> None:
    """A trial call counts as use: made each night, it would keep every old key from going quiet."""
    validations = [call for file in FILES for call in calls(file, "pulumi-groq") if call[0] == "validate"]
    assert validations
    assert all("--no-try" in call for call in validations)
