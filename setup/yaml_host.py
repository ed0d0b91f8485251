"""Finds Pulumi's YAML language host, or builds it from the Go module proxy; prints the folder that holds it.

With it, the suite runs the YAML example too; `make test` brings it. Pulumi's own CLI comes with it.
"""

import shutil
import sys
from pathlib import Path

from checkout import TOOLS, fail, say
from go_build import GoBuild

NAME = "pulumi-language-yaml"
VERSION = "1.25.0"
MODULE = "github.com/pulumi/pulumi-yaml"
PACKAGES = 1300  # of the host at 1.25.0; only for the progress lines
BUILT = TOOLS / "yaml-host"
_GO_MOD = "module yaml-host\n\ngo 1.25\n"


def found() -> Path | None:
    """The folder of the host that is on PATH, or else of the one that was built here."""
    on_path = shutil.which(NAME)
    if on_path:
        return Path(on_path).parent
    return BUILT if (BUILT / NAME).exists() else None


def host_folder() -> Path:
    """The folder to put on PATH; builds the host first where there is none."""
    there = found()
    if there:
        return there
    go = GoBuild("yaml-host-build", _GO_MOD, "the YAML language host", PACKAGES)
    if not go.has_go:
        fail(f"{NAME} is missing; install Pulumi's own CLI, or Go 1.25 or newer to have it built here")
    say(f"Building {NAME} {VERSION} from the Go module proxy: about 3 minutes, once ...")
    command = f"{MODULE}/cmd/{NAME}"
    go.run("get", f"{command}@v{VERSION}")
    BUILT.mkdir(exist_ok=True)
    new = BUILT / "new"
    go.build(command, new, "-ldflags", f"-s -w -X {MODULE}/pkg/version.Version=v{VERSION}")
    new.replace(BUILT / NAME)
    return BUILT


if __name__ == "__main__":
    sys.stdout.write(f"{host_folder()}\n")
