"""Builds commands from the Go module proxy, each in a module of its own under .tools."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from checkout import ROOT, TOOLS, fail, say

PACKAGES_A_LINE = 100


class GoBuild:
    """The module `.tools/NAME` and the Go on PATH; `what` names the thing built in what is said.

    `packages` is about how many the build compiles, for the progress lines. Everything ends with one line
    if Go fails; the rest of what it said is in `.tools/NAME.log`.
    """

    def __init__(self, name: str, go_mod: str, what: str, packages: int) -> None:
        self._go = shutil.which("go")
        self.folder = TOOLS / name
        self._what = what
        self._packages = packages
        self._log = TOOLS / f"{name}.log"
        if self._go is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "go.mod").write_text(go_mod, encoding="utf-8")
        self._log.write_text("", encoding="utf-8")

    @property
    def has_go(self) -> bool:
        """Whether there is a Go to build with."""
        return self._go is not None

    def build(self, package: str, binary: Path, *options: str) -> None:
        """Build the command `package` into `binary`."""
        self.run(
            *("build", "-v", "-trimpath", "-buildvcs=false", "-tags", "osusergo,grpcnotrace"),
            *(*options, "-o", str(binary), package),
        )

    def run(self, *arguments: str) -> list[str]:
        """Run `go` in the module, with a line of progress for every hundred packages; its output."""
        environment = {**_places(), **os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
        started_s = time.monotonic()
        lines: list[str] = []
        packages = 0
        with (
            subprocess.Popen(
                [self._go or "go", *arguments],
                cwd=self.folder,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as running,
            self._log.open("a", encoding="utf-8") as log,
        ):
            for line in running.stdout or ():
                log.write(line)
                lines.append(line.strip())
                packages += not line.startswith("go: ")
                if packages and packages % PACKAGES_A_LINE == 0:
                    minutes = (time.monotonic() - started_s) / 60
                    say(f"  {packages} of about {self._packages} packages after {minutes:.0f} min")
        if running.returncode:
            reason = lines[-1] if lines else f"go ended with {running.returncode}"
            fail(f"{self._what} could not be built: {reason} (all of it: {self._log.relative_to(ROOT)})")
        return lines


def _places() -> dict[str, str]:
    """Where Go keeps what it loads and builds, for an environment without a home."""
    return {} if "HOME" in os.environ else {"GOPATH": str(TOOLS / "go"), "GOCACHE": str(TOOLS / "go-cache")}
