"""Installs what a manifest pins from npm: `node_packages.py examples/typescript/package.json`.

Prints the folder whose `node_modules` holds it, below `.tools/node`. Packages of this checkout are not
installed: they are compiled where they are.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import ROOT, TOOLS, fail, say


def _pinned(manifest_file: Path) -> str:
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    for kind in ("dependencies", "devDependencies"):
        manifest[kind] = {
            name: version
            for name, version in manifest.get(kind, {}).items()
            if not version.startswith("file:")
        }
    return json.dumps(manifest, indent=2) + "\n"


def node_folder(manifest_file: Path) -> Path:
    """The folder, with what is pinned installed."""
    wanted = _pinned(manifest_file)
    folder = TOOLS / "node" / manifest_file.absolute().parent.relative_to(ROOT)
    done = folder / "installed.json"
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return folder
    npm = shutil.which("npm")
    if npm is None:
        fail(
            "npm is missing, which installs what tests compile; install Node.js 20 or newer: https://nodejs.org/"
        )
    say(f"Installing the packages of {manifest_file} from npm ...")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(wanted, encoding="utf-8")
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
    ended = subprocess.run(
        [npm, "install", *options], cwd=folder, stdout=sys.stderr, stderr=subprocess.PIPE, check=False
    )
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        fail(f"npm could not install the packages: {lines[0] if lines else 'it said nothing'}")
    done.write_text(wanted, encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{node_folder(Path(sys.argv[1]))}\n")
