"""setup/browser.sh finds chromium, installs it where it may, or says what is missing."""

from pathlib import Path

from setup_commands import Run, StandIn

NOT_ROOT, ROOT = "echo 1000", "echo 0"


def test_a_browser_on_path_is_enough(run: Run, stand_in: StandIn) -> None:
    """Nothing is installed or said."""
    stand_in("chromium", "exit 1")
    done = run("sh", "setup/browser.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_user_is_told_what_to_install(run: Run, stand_in: StandIn) -> None:
    """Nobody's machine is changed without the right to it."""
    stand_in("id", NOT_ROOT)
    stand_in("apt-get", "echo no >&2; exit 1")
    done = run("sh", "setup/browser.sh")
    assert (done.returncode, done.stderr) == (
        1,
        "setup: chromium is missing; the tests of the page need it, on Debian: apt-get install chromium\n",
    )


def test_a_machine_without_apt_is_told_the_same(run: Run, stand_in: StandIn) -> None:
    """Root or not."""
    stand_in("id", ROOT)
    assert "setup: chromium is missing" in run("sh", "setup/browser.sh").stderr


def test_root_has_it_installed(run: Run, stand_in: StandIn, checkout: Path) -> None:
    """As on a new machine; the package lists are brought up to date when they are needed."""
    stand_in("id", ROOT)
    stand_in("apt-get", 'echo "$@" >>asked; [ "$1" = update ] || grep -q update asked')
    done = run("sh", "setup/browser.sh")
    asked = (checkout / "asked").read_text().splitlines()
    install = "install --yes --no-install-recommends chromium"
    assert (done.returncode, asked) == (0, [install, "update", install])


def test_an_installation_that_fails_is_one_line(run: Run, stand_in: StandIn) -> None:
    """With the reason, and where the rest of it stands."""
    stand_in("id", ROOT)
    stand_in("apt-get", "echo 'E: no network'; exit 100")
    done = run("sh", "setup/browser.sh")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "setup: chromium could not be installed: E: no network (all of it: .tools/browser.log)"
    )
