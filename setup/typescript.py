"""Installs what the TypeScript example compiles against, at the versions that its package.json pins.

Prints the folder whose `node_modules` holds it: `.tools/typescript`. The SDK itself is not installed: it
is compiled from sdk/nodejs.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import ROOT, TOOLS, fail, say

MANIFEST = ROOT / "examples" / "typescript" / "package.json"
INSTALLED = TOOLS / "typescript"


def _pinned() -> str:
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    for kind in ("dependencies", "devDependencies"):
        manifest[kind] = {
            name: version for name, version in manifest[kind].items() if not version.startswith("file:")
        }
    return json.dumps(manifest, indent=2) + "\n"


def typescript_folder() -> Path:
    """The folder, with what is pinned installed."""
    wanted = _pinned()
    done = INSTALLED / "installed.json"
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return INSTALLED
    npm = shutil.which("npm")
    if npm is None:
        fail("npm is missing, which installs TypeScript; install Node.js 20 or newer: https://nodejs.org/")
    say("Installing TypeScript and Pulumi's Node.js SDK into .tools/typescript ...")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (INSTALLED / "package.json").write_text(wanted, encoding="utf-8")
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    ended = subprocess.run(
        [npm, "install", *options], cwd=INSTALLED, stdout=sys.stderr, stderr=subprocess.PIPE, check=False
    )
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        fail(f"TypeScript could not be installed: {lines[0] if lines else 'npm said nothing'}")
    done.write_text(wanted, encoding="utf-8")
    return INSTALLED


if __name__ == "__main__":
    sys.stdout.write(f"{typescript_folder()}\n")
