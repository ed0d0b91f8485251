"""setup/pulumi_cli.py finds the Pulumi CLI, builds one, or says what is missing."""

import sys
from pathlib import Path

import pytest

from setup_commands import Run, StandIn

GO = """
case "$1" in
    build) while [ "$1" != -o ]; do shift; done; echo built >"$2"; echo github.com/pulumi/pulumi ;;
    list) echo "$PWD/sdk" ;;
esac
"""


def test_pulumi_on_path_is_used(run: Run, stand_in: StandIn, bare_path: Path) -> None:
    """A CLI on PATH that comes with its Python host is used as it is."""
    stand_in("pulumi", "")
    stand_in("pulumi-language-python", "")
    done = run(sys.executable, "setup/pulumi_cli.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{bare_path}\n", "")


def test_a_machine_without_pulumi_and_go(run: Run) -> None:
    """Where nothing can be had, the last line says what to install."""
    done = run(sys.executable, "setup/pulumi_cli.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == (
        "setup: the Pulumi CLI is missing; install it from https://www.pulumi.com/docs/install/, "
        "or install Go 1.25 or newer to have it built here"
    )


def test_a_pulumi_without_its_host_is_passed_over(run: Run, stand_in: StandIn) -> None:
    """A CLI that cannot run Python programs is named, and not used."""
    pulumi = stand_in("pulumi", "")
    done = run(sys.executable, "setup/pulumi_cli.py")
    assert done.stderr.startswith(f"{pulumi} comes without its Python language host")


@pytest.fixture
def sdk(checkout: Path) -> Path:
    """The SDK's launch scripts where the stand-in for Go says that they are."""
    folder = checkout / ".tools" / "pulumi-build" / "sdk" / "python"
    for name in ("dist/pulumi-resource-pulumi-python", "cmd/pulumi-language-python-exec"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
    return folder


@pytest.mark.usefixtures("sdk")
def test_a_build_puts_everything_into_one_folder(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """A build leaves the CLI, the launch scripts and the language host beside each other, executable."""
    stand_in("go", GO)
    done = run(sys.executable, "setup/pulumi_cli.py")
    folder = checkout / ".tools" / "pulumi"
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    assert sorted(file.name for file in folder.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    scripts = [file for file in folder.iterdir() if file.name != "pulumi"]
    assert [file.name for file in scripts if not file.stat().st_mode & 0o111] == []


@pytest.mark.usefixtures("sdk")
def test_a_build_is_used_again(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """A second run prints the folder without a word."""
    stand_in("go", GO)
    run(sys.executable, "setup/pulumi_cli.py")
    done = run(sys.executable, "setup/pulumi_cli.py")
    assert (done.stdout, done.stderr) == (f"{checkout / '.tools' / 'pulumi'}\n", "")


def test_a_failing_build_says_why(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """A failing build gives Go's last line and where the rest is, and leaves no half CLI behind."""
    stand_in("go", "echo 'go: first'; echo 'go: proxy out of reach'; exit 1")
    done = run(sys.executable, "setup/pulumi_cli.py")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "setup: Pulumi could not be built: go: proxy out of reach (all of it: .tools/pulumi-build.log)"
    )
    assert not (checkout / ".tools" / "pulumi").exists()
