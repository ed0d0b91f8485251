"""`pulumi-groq review`: files and stdin, exit codes, and what a gateway that is away changes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.cli.main import commands
from report_facts import ACCESS, GOLDEN, RECORDED

NO_GATEWAY = {"GROQ_ADMIN_BASE_URL": "", "GROQ_ADMIN_KEY": ""}
CHANGED = str(GOLDEN / "changed.preview.json")
UNCHANGED = str(GOLDEN / "unchanged.preview.json")


def run(*arguments: str, text: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(commands, ["review", *arguments], env={**NO_GATEWAY, **environment}, input=text)


@pytest.mark.parametrize("output", ["markdown", "json", "sarif", "github"])
@pytest.mark.parametrize("name", RECORDED)
def test_every_format_of_every_recorded_preview(name: str, output: str) -> None:
    """Each real preview can be had in each format, without a word on stderr."""
    result = run(str(GOLDEN / f"{name}.preview.json"), "--output", output, "--offline")
    assert (result.exit_code, result.stderr) == (0, "")
    if output in {"json", "sarif"}:
        assert json.loads(result.stdout)


def test_stdin() -> None:
    """A pipe from `pulumi preview --json` does what a file does."""
    piped = run("-", text=Path(CHANGED).read_text())
    assert (piped.exit_code, piped.stdout) == (0, run(CHANGED).stdout)


@pytest.mark.parametrize(
    ("preview", "fail_on", "code"),
    [
        (CHANGED, "high", 3),
        (CHANGED, "low", 3),
        (CHANGED, "never", 0),
        (UNCHANGED, "low", 0),
        (str(GOLDEN / "created.preview.json"), "high", 0),
        (str(GOLDEN / "refused.preview.json"), "high", 3),
    ],
)
def test_fail_on(preview: str, fail_on: str, code: int) -> None:
    """The exit code is 3 for a finding of the given severity or worse; the review is printed all the same."""
    result = run(preview, "--fail-on", fail_on)
    assert result.exit_code == code
    assert result.stdout.startswith("<!-- pulumi-groq review -->\n## Groq access: ")


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        (NO_GATEWAY, "GROQ_ADMIN_BASE_URL is missing"),
        ({"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:9", "GROQ_ADMIN_KEY": "adm-0123456789"}, "no answer from"),
    ],
)
def test_without_the_gateway(environment: dict[str, str], why: str) -> None:
    """A review needs no gateway; it says why it could not ask, and what it could not check."""
    result = run(CHANGED, "--output", "json", **environment)
    assert result.exit_code == 0
    first, *checks = json.loads(result.stdout)["not_checked"]
    assert why in first
    assert "whether the cap is below what was spent this month" in checks


def test_reasons_come_from_the_access_file(tmp_path: Path) -> None:
    """One can be named; else the stack's own file or the common one is found below the project."""
    named = tmp_path / "teams.yaml"
    named.write_bytes(ACCESS.replace(b"The trial is over.", b"Named file."))
    assert "Reason given: Named file." in run(CHANGED, "--access-file", str(named)).stdout
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "access.yaml").write_bytes(ACCESS)
    assert "Reason given: The trial is over." in run(CHANGED, "--cwd", str(tmp_path)).stdout
    own = ACCESS.replace(b"The trial is over.", b"Of this stack.")
    (tmp_path / "stacks" / "access.dev.yaml").write_bytes(own)
    assert "Reason given: Of this stack." in run(CHANGED, "--cwd", str(tmp_path)).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.json"], "missing.json: cannot be read: No such file or directory"),
        (["-"], "Error: stdin is not JSON: give the output of `pulumi preview --json`"),
        ([__file__], "is not JSON: give the output of `pulumi preview --json`"),
        ([CHANGED, "--access-file", "missing.yaml"], "missing.yaml: cannot be read"),
        ([CHANGED, "--price-list", "missing.toml"], "missing.toml: the price list cannot be read"),
        (["--cwd", __file__], "is not a folder"),
        (["--cwd", "nowhere"], "--cwd: nowhere is not a folder"),
        ([CHANGED, "--access-file", "missing.yaml"], "; check --access-file"),
        ([CHANGED, "--policy", "missing.yaml"], "; check --policy"),
    ],
)
def test_wrong_settings_are_one_line(arguments: list[str], said: str) -> None:
    """A wrong file or option is named on one line, with exit code 2."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_pulumi_that_is_not_there() -> None:
    """Without the pulumi CLI the command says what to install, or to give a file."""
    result = run(PATH="/nonexistent")
    assert result.exit_code == 2
    assert result.stderr == "Error: pulumi is not on PATH: install it, or give a file that it wrote\n"


def test_pulumi_that_fails(tmp_path: Path) -> None:
    """What pulumi said last is passed on, on one line, with exit code 1."""
    fake = tmp_path / "pulumi"
    fake.write_text("#!/bin/sh\necho 'starting' >&2\necho 'error: no stack selected' >&2\nexit 255\n")
    fake.chmod(0o755)
    result = run(PATH=f"{tmp_path}:/usr/bin:/bin")
    assert result.exit_code == 1
    assert (
        result.stderr == "Error: `pulumi preview --json` failed: no stack selected: name one with --stack\n"
    )


def test_a_rule_of_high_severity_fails_the_review(tmp_path: Path) -> None:
    """A violated rule ends the command with 3 whatever --fail-on says; a waived one does not."""
    rules = tmp_path / "policy.yaml"
    rule = "rules: {cap: {check: spend_policy_at_most, monthly_cap_usd: 1, reason: r%s}}"
    rules.write_text(rule % "")
    violated = run(CHANGED, "--policy", str(rules), "--output", "json")
    assert violated.exit_code == 3
    found = {each["rule"]: each["severity"] for each in json.loads(violated.stdout)["findings"]}
    assert found["policy:cap"] == "high"
    waiver = "{resource: spend-policy, until: 2999-01-01T00:00:00Z, by: d, why: w}"
    rules.write_text(rule % f", waivers: [{waiver}]")
    assert run(CHANGED, "--policy", str(rules)).exit_code == 0
    rules.write_text("rules: {cap: {check: unknown}}")
    refused = run(CHANGED, "--policy", str(rules))
    assert (refused.exit_code, "policy.yaml:1: rules.cap.check: is not a known check" in refused.stderr) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("error: no stack named 'x' found", "failed: no stack named 'x' found\n"),
        (
            "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
            "CLI sessions; or run `pulumi login` with the address of your state\n",
        ),
    ],
)
def test_what_pulumi_says_is_told_with_what_it_leaves_out(
    said: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once an error is enough."""
    (tmp_path / "pulumi").write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 255\n')
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    result = run()
    assert (result.exit_code, result.stderr.count("error")) == (1, 0)
    assert result.stderr.endswith(told)
