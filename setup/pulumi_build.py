"""Builds the Pulumi CLI from the Go module proxy: the last resort, for machines that reach nothing else.

The proxy serves the CLI and the SDK's launch scripts, but not Pulumi's Python language host, so
language_host.py stands in for it.
"""

import shutil
from pathlib import Path

from checkout import fail, say
from go_build import GoBuild

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
LAUNCHERS = ("dist/pulumi-resource-pulumi-python", "cmd/pulumi-language-python-exec")
PACKAGES = 1690  # of the CLI at 3.259.0; only for the progress lines

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
    go = GoBuild("pulumi-build", _GO_MOD, "Pulumi", PACKAGES)
    if not go.has_go:
        fail(
            "the Pulumi CLI is missing; install it from https://www.pulumi.com/docs/install/, "
            "or install Go 1.25 or newer to have it built here"
        )
    say(f"Building Pulumi {version} from the Go module proxy: 10 to 60 minutes, once ...")
    go.run("get", f"{CLI}@v{version}", f"{SDK}@v{version}")
    go.build(CLI, folder / "pulumi", "-ldflags", f"-s -w -X {SDK}/go/common/version.Version=v{version}")
    _launchers(go.run("list", "-m", "-f", "{{.Dir}}", SDK)[-1], folder)


def _launchers(sdk: str, folder: Path) -> None:
    for name in LAUNCHERS:
        copy = folder / Path(name).name
        shutil.copyfile(Path(sdk, "python", name), copy)
        copy.chmod(0o755)
    host = folder / "pulumi-language-python"
    host.write_text(_HOST, encoding="utf-8")
    host.chmod(0o755)
