"""Finds the Pulumi CLI, or installs one into .tools/pulumi; prints the folder that holds it.

In this order: the one on PATH, the one that an earlier run installed, the official archive, a build
from the Go module proxy (pulumi_build.py) where the archive's host cannot be reached.
"""

import platform
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

from checkout import TOOLS, fail, say
from pulumi_build import build

VERSION = "3.259.0"  # the SDK's version in uv.lock: the two are released together
INSTALLED = TOOLS / "pulumi"
PATIENCE_S = 10

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}


def cli_folder() -> Path:
    """The folder to put on PATH; installs the CLI first where there is none."""
    on_path = shutil.which("pulumi")
    if on_path and shutil.which("pulumi-language-python"):
        return Path(on_path).parent
    if on_path:
        say(f"{on_path} comes without its Python language host; another Pulumi CLI is used.")
    if not (INSTALLED / "pulumi").exists():
        new = INSTALLED.with_name("pulumi.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        if not _download(new):
            build(VERSION, new)
        shutil.rmtree(INSTALLED, ignore_errors=True)
        new.replace(INSTALLED)
    return INSTALLED


def _download(folder: Path) -> bool:
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
    if not system or not machine:
        fail(
            f"no Pulumi release is known for {platform.platform()}; install it: https://www.pulumi.com/docs/install/"
        )
    url = f"https://get.pulumi.com/releases/sdk/pulumi-v{VERSION}-{system}-{machine}.tar.gz"
    archive = folder / "archive"
    say(f"Downloading Pulumi {VERSION} from get.pulumi.com (about 100 MB) ...")
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        say(f"  not reachable: {getattr(error, 'reason', error)}")
        return False
    tar = shutil.which("tar") or fail("tar is missing; install it, on Debian: apt-get install tar")
    unpacked = subprocess.run([tar, "-xzf", archive, "-C", folder, "--strip-components=1"], check=False)
    archive.unlink()
    if unpacked.returncode:
        fail("the Pulumi archive could not be unpacked; run this again")
    return True


if __name__ == "__main__":
    sys.stdout.write(f"{cli_folder()}\n")
