"""Builds the Pulumi CLI from the Go module proxy: the last resort, for machines that reach nothing else.

The proxy serves the CLI and the SDK's launch scripts, but not Pulumi's Python language host, so
language_host.py stands in for it.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from checkout import ROOT, TOOLS, fail, say

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
LAUNCHERS = ("dist/pulumi-resource-pulumi-python", "cmd/pulumi-language-python-exec")
PACKAGES = 1690  # of the CLI at 3.259.0; only for the progress lines
PACKAGES_A_LINE = 100
LOG = TOOLS / "pulumi-build.log"

_GO_MOD = """\
module pulumi-cli

go 1.25

// Pulumi replaces this module in its own go.mod, which does not hold for those who build it from outside.
replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e
"""

_HOST = """\
#!/bin/sh
root=$(cd "$(dirname "$0")/../.." && pwd)
exec "$root/.venv/bin/python" "$root/setup/language_host.py" "$@"
"""


def build(version: str, folder: Path) -> None:
    """Build the CLI at `version` into `folder`, with what it needs to run Python programs beside it."""
    go = shutil.which("go")
    if go is None:
        fail(
            "the Pulumi CLI is missing; install it from https://www.pulumi.com/docs/install/, "
            "or install Go 1.25 or newer to have it built here"
        )
    say(f"Building Pulumi {version} from the Go module proxy: 10 to 60 minutes, once ...")
    module = TOOLS / "pulumi-build"
    module.mkdir(parents=True, exist_ok=True)
    (module / "go.mod").write_text(_GO_MOD, encoding="utf-8")
    LOG.write_text("", encoding="utf-8")
    _go(module, [go, "get", f"{CLI}@v{version}", f"{SDK}@v{version}"])
    stamp = f"-s -w -X {SDK}/go/common/version.Version=v{version}"
    options = ["-v", "-trimpath", "-buildvcs=false", "-tags", "osusergo,grpcnotrace", "-ldflags", stamp]
    _go(module, [go, "build", *options, "-o", str(folder / "pulumi"), CLI])
    _launchers(_go(module, [go, "list", "-m", "-f", "{{.Dir}}", SDK])[-1], folder)


def _launchers(sdk: str, folder: Path) -> None:
    for name in LAUNCHERS:
        copy = folder / Path(name).name
        shutil.copyfile(Path(sdk, "python", name), copy)
        copy.chmod(0o755)
    host = folder / "pulumi-language-python"
    host.write_text(_HOST, encoding="utf-8")
    host.chmod(0o755)


def _go(module: Path, command: list[str]) -> list[str]:
    """Run `command`, with a line of progress for every hundred packages; its output."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    started_s = time.monotonic()
    lines: list[str] = []
    packages = 0
    with (
        subprocess.Popen(
            command, cwd=module, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running,
        LOG.open("a", encoding="utf-8") as log,
    ):
        for line in running.stdout or ():
            log.write(line)
            lines.append(line.strip())
            packages += not line.startswith("go: ")
            if packages and packages % PACKAGES_A_LINE == 0:
                minutes = (time.monotonic() - started_s) / 60
                say(f"  {packages} of about {PACKAGES} packages after {minutes:.0f} min")
    if running.returncode:
        reason = lines[-1] if lines else f"go ended with {running.returncode}"
        fail(f"Pulumi could not be built: {reason} (all of it: {LOG.relative_to(ROOT)})")
    return lines
