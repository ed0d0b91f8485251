"""Brings a CPython that this machine lacks into .tools/pythons, from the Go module that holds it.

The module is go-embed-python, which packs the relocatable builds of python-build-standalone, one version of
CPython for each version of the module.
"""

import shutil
from pathlib import Path
from typing import Final

from checkout import TOOLS, say
from go_build import GoBuild

MODULE: Final = "github.com/kluctl/go-embed-python"
VERSIONS: Final = {
    "3.12": "v0.0.0-3.12.3-20240415-1",
    "3.13": "v0.0.0-3.13.1-20241219-1",
    "3.14": "v0.0.0-3.14.6-20260610-1",
}
"""What is known to be in the Go module proxy."""
_UNPACKER: Final = Path(__file__).parent / "embedded_python" / "main.go"


def embedded_python(python: str) -> Path | None:
    """The interpreter of `python`, such as 3.14; `None` where the module or Go is missing."""
    version = VERSIONS.get(python)
    if version is None:
        return None
    folder = TOOLS / "pythons" / version
    interpreter = folder / "bin" / "python3"
    if interpreter.exists():
        return interpreter
    name = f"embedded-python-{python}"
    go = GoBuild(name, f"module {name}\n\ngo 1.25\n", f"Python {python}", 1)
    if not go.has_go:
        return None
    say(f"Bringing Python {python} from the Go module proxy: half a minute, once ...")
    shutil.copyfile(_UNPACKER, go.folder / _UNPACKER.name)
    go.run("get", f"{MODULE}@{version}")
    unpacked = go.folder / "python"
    shutil.rmtree(unpacked, ignore_errors=True)
    go.run("run", "-mod=mod", ".", str(unpacked))
    folder.parent.mkdir(exist_ok=True)
    unpacked.rename(folder)
    return interpreter
