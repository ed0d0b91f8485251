"""setup/test_services.sh finds the servers that tests start, installs them, or says what is missing."""

import subprocess
from pathlib import Path

import pytest

from setup_commands import Run, StandIn

NOT_ROOT, ROOT = "echo 1000", "echo 0"


def run_it(run: Run, versions: str = "/nowhere") -> subprocess.CompletedProcess[str]:
    """The script, on a machine whose Debian versions of PostgreSQL are in the folder `versions`."""
    return run("sh", "-c", f"DEBIAN_POSTGRESQL='{versions}' exec sh setup/test_services.sh")


@pytest.mark.parametrize("redis", ["redis-server", "valkey-server"])
def test_servers_on_path_are_enough(run: Run, stand_in: StandIn, redis: str) -> None:
    """Nothing is installed or said, whichever of the two Redis is."""
    for name in ("initdb", "postgres", redis):
        stand_in(name, "exit 1")
    done = run_it(run)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_debians_place_is_enough(run: Run, stand_in: StandIn, tmp_path: Path) -> None:
    """Debian keeps each version of PostgreSQL in a folder of its own, none of which is on PATH."""
    stand_in("redis-server", "exit 1")
    server = tmp_path / "versions/16/bin/postgres"
    server.parent.mkdir(parents=True)
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert run_it(run, str(tmp_path / "versions")).returncode == 0


def test_a_user_is_told_what_to_install(run: Run, stand_in: StandIn) -> None:
    """Only what is missing, and nobody's machine is changed without the right to it."""
    stand_in("id", NOT_ROOT)
    stand_in("apt-get", "echo no >&2; exit 1")
    stand_in("redis-server", "exit 1")
    done = run_it(run)
    assert (done.returncode, done.stderr) == (
        1,
        "setup: postgresql is missing; the tests start servers of it, on Debian: "
        "apt-get install postgresql\n",
    )


def test_root_has_them_installed(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """As on a new machine; the package lists are brought up to date when they are needed."""
    stand_in("id", ROOT)
    stand_in("apt-get", 'echo "$@" >>asked; [ "$1" = update ] || grep -q update asked')
    done = run_it(run)
    install = "install --yes --no-install-recommends postgresql redis-server"
    assert (done.returncode, (checkout / "asked").read_text().splitlines()) == (
        0,
        [install, "update", install],
    )


def test_an_installation_that_fails_is_one_line(run: Run, stand_in: StandIn) -> None:
    """With the reason, and where the rest of it stands."""
    stand_in("id", ROOT)
    stand_in("apt-get", "echo 'E: no network'; exit 100")
    done = run_it(run)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "setup: postgresql redis-server could not be installed: E: no network "
        "(all of it: .tools/test_services.log)"
    )
