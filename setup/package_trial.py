"""Builds the package into dist/ and tries it as users install it: `make package`.

The wheel is built from the sdist, so that both are whole. It is installed into environments that hold
nothing else, with the oldest and with the newest allowed version of each dependency, on every Python of
`PYTHONS`: the machine's own, or one that is brought where there is Go. Alone it declares a key, with `[cli]`
it has its command, with `[gateway]` it serves. With arguments only these of the Pythons are tried.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from checkout import ROOT, fail, say
from embedded_python import embedded_python

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
RESOLUTIONS: Final = ("lowest-direct", "highest")
DIST: Final = ROOT / "dist"
UV: Final = ("sh", str(ROOT / "setup" / "uv_run.sh"))

_DECLARES: Final = """
import asyncio

import pulumi

class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args):
        made.append(args.typ)
        return args.name, args.inputs
    def call(self, args):
        return {}

made = []
asyncio.set_event_loop(asyncio.new_event_loop())  # since 3.14 the mocks find none by themselves
pulumi.runtime.set_mocks(Engine(), project="infra", stack="dev", preview=False)

@pulumi.runtime.test
def run():
    import pulumi_groq
    return pulumi_groq.GroqApiKey("bot", allowed_models=["openai/gpt-oss-20b"]).urn

run()
assert made == ["pulumi-python:dynamic/groq:GroqApiKey"], made
"""


def _run(*command: str, cwd: Path | None = None) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        fail(f"{Path(command[0]).name} {' '.join(command[1:3])} failed: see above")
    return done.stdout


class Trial:
    """Installs with uv into environments below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self) -> Path:
        """The wheel; the sdist that it was built from lies beside it."""
        for old in DIST.glob("pulumi_groq-*"):
            old.unlink()
        _run(*UV, "build", "--quiet", "--no-create-gitignore", "--out-dir", str(DIST), cwd=ROOT)
        (wheel,) = DIST.glob("pulumi_groq-*.whl")
        return wheel

    def interpreter(self, python: str) -> Path | None:
        """The machine's own Python of this version, else one that is brought."""
        command = (*UV, "python", "find", "--no-python-downloads", "--no-project", python)
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return Path(found.stdout.strip()) if found.returncode == 0 else embedded_python(python)

    def of(self, wheel: Path, python: Path, resolution: str) -> None:
        """Ends with what does not work."""
        base = self._environment(wheel, "", python, resolution)
        _run(str(base / "python"), "-c", _DECLARES)
        commands = self._environment(wheel, "[cli]", python, resolution)
        _run(str(commands / "pulumi-groq"), "init", "--help")
        _serves(self._environment(wheel, "[gateway]", python, resolution))

    def _environment(self, wheel: Path, extra: str, python: Path, resolution: str) -> Path:
        made = self._folder / f"{resolution}-{extra.strip('[]') or 'base'}"
        _run(*UV, "venv", "--quiet", "--no-project", "--clear", "--python", str(python), str(made))
        asked = f"pulumi-groq{extra} @ {wheel.as_uri()}"
        into = ("--python", str(made / "bin" / "python"), "--resolution", resolution)
        _run(*UV, "pip", "install", "--quiet", *into, asked)
        return made / "bin"


def _serves(environment: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(environment / "pulumi-groq"), "serve", "--port", "0"]
        command += ["--store", f"sqlite:///{folder}/gateway.db"]
        variables = {**os.environ, "GROQ_ADMIN_KEY": "admin-key-of-the-trial"}
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as serving:
            lines = serving.stdout or ()
            address = next((line.split()[-1] for line in lines if "listening on" in line), None)
            if address is None:
                fail("pulumi-groq serve did not start: its error stands above")
            asked = f"import httpx; httpx.get({address!r} + '/readyz').raise_for_status()"
            try:
                _run(str(environment / "python"), "-c", asked)
            finally:
                serving.terminate()


def main() -> None:
    """Build, try, and say what was tried."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        wheel = trial.build()
        for python in sys.argv[1:] or PYTHONS:
            interpreter = trial.interpreter(python)
            if interpreter is None:
                say(f"Not tried, for neither it nor Go to bring it with is here: Python {python}")
                continue
            for resolution in RESOLUTIONS:
                trial.of(wheel, interpreter, resolution)
                say(f"{wheel.name} works on Python {python}, dependencies {resolution}")
    sys.stdout.write(f"{wheel}\n")


if __name__ == "__main__":
    main()
