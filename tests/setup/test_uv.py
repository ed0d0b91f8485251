"""setup/uv.sh finds uv, or says what is missing."""

from pathlib import Path

from setup_commands import Run, StandIn


def _uv_that(syncs: str) -> str:
    return f'case "$1" in --version) echo "uv 0.9.1";; sync) {syncs};; esac'


def test_uv_on_path_is_used(run: Run, stand_in: StandIn) -> None:
    """A recent uv on PATH is printed and nothing is installed."""
    uv = stand_in("uv", "echo 'uv 0.9.1 (somewhere)'")
    done = run("sh", "setup/uv.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{uv}\n", "")


def test_a_later_major_version_is_used(run: Run, stand_in: StandIn) -> None:
    """A uv from 1.0 on is recent enough."""
    uv = stand_in("uv", "echo 'uv 1.0.0'")
    assert run("sh", "setup/uv.sh").stdout == f"{uv}\n"


def test_an_old_uv_is_passed_over(run: Run, stand_in: StandIn) -> None:
    """A uv too old for the lock file gives way to one that is installed."""
    stand_in("uv", "echo 'uv 0.4.20'")
    done = run("sh", "setup/uv.sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert "python3 is missing" in done.stderr


def test_a_machine_without_python(run: Run) -> None:
    """Without python3 there is one line that says what to install."""
    done = run("sh", "setup/uv.sh")
    assert done.returncode == 1
    assert (
        done.stderr
        == "setup: python3 is missing; install it, on Debian: apt-get install python3 python3-venv\n"
    )


def test_a_python_without_venv(run: Run, stand_in: StandIn) -> None:
    """A python3 that cannot make environments gives one line that says what to install."""
    stand_in("python3", "echo 'ensurepip is not available'; exit 1")
    done = run("sh", "setup/uv.sh")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "setup: python3 cannot make virtual environments; on Debian: apt-get install python3-venv"
    )


def test_pypi_out_of_reach(run: Run, stand_in: StandIn) -> None:
    """A failing installation gives pip's own last line and where the rest is."""
    make_pip = "mkdir -p .tools/uv/bin; printf '#!/bin/sh\\necho no route; exit 1' >.tools/uv/bin/pip"
    stand_in("python3", f"{make_pip}; /bin/chmod +x .tools/uv/bin/pip")
    done = run("sh", "setup/uv.sh")
    assert done.returncode == 1
    assert "could not be installed from PyPI: no route (all of it: .tools/uv.log)" in done.stderr


def test_an_installed_uv_is_used_again(run: Run, checkout: Path) -> None:
    """The uv of an earlier run is printed without a word."""
    own = checkout / ".tools" / "uv" / "bin" / "uv"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\necho 'uv 0.9.1'\n", encoding="utf-8")
    own.chmod(0o755)
    done = run("sh", "setup/uv.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{own}\n", "")


def test_the_environment_follows_the_lock_file(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """The environment is synced from the lock file as it is, with all extras."""
    stand_in("uv", f'[ "$1" = --version ] && echo "uv 0.9.1" || echo "$@" >>"{checkout}/calls"')
    assert run("sh", "setup/environment.sh").returncode == 0
    assert "sync --quiet --frozen --all-extras" in (checkout / "calls").read_text(encoding="utf-8")


def test_a_machine_with_only_an_old_python(run: Run, stand_in: StandIn) -> None:
    """Without Python 3.11 there is one line that says so, after uv has tried."""
    stand_in("uv", '[ "$1" = --version ] && echo "uv 0.9.1" || exit 2')
    done = run("sh", "setup/environment.sh")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "setup: Python 3.11 or newer is missing; install one, on Debian: apt-get install python3.11"
    )


def test_packages_out_of_reach(run: Run, stand_in: StandIn) -> None:
    """A failing sync gives uv's own cause and where the rest is."""
    stand_in("uv", _uv_that('printf "error: no\\n  cause: dns error\\n\\nhint: x\\n"; exit 1'))
    done = run("sh", "setup/environment.sh")
    assert done.returncode == 1
    assert "could not be installed: cause: dns error (all of it: .tools/sync.log)" in done.stderr


def test_a_network_with_its_own_certificates(run: Run, stand_in: StandIn) -> None:
    """A certificate that uv does not know is looked up among the machine's."""
    stand_in(
        "uv", _uv_that('[ "$UV_SYSTEM_CERTS" = true ] || { echo "invalid peer certificate" >&2; exit 1; }')
    )
    done = run("sh", "setup/environment.sh")
    assert done.returncode == 0, done.stderr
