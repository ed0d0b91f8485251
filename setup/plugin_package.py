"""Packs the plugin for `pulumi plugin install resource groq VERSION -f FILE`: `make plugin`.

The archive holds a shell script that starts the installed Python package, so it is the same for every
system with a shell. Packing the same files again gives the same bytes.
"""

import gzip
import sys
import tarfile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from checkout import ROOT

SHIM = ROOT / "plugin" / "shim" / "pulumi-resource-groq"
FOLDER = ROOT / "dist"


def pack(folder: Path) -> Path:
    """Write the archive of this version into `folder`, and return where it is."""
    archive = folder / f"pulumi-resource-groq-v{version('pulumi-groq')}.tar.gz"
    folder.mkdir(parents=True, exist_ok=True)
    content = SHIM.read_bytes()
    entry = tarfile.TarInfo(SHIM.name)
    entry.size, entry.mode = len(content), 0o755
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.addfile(entry, BytesIO(content))
    return archive


if __name__ == "__main__":
    sys.stdout.write(f"{pack(Path(*(sys.argv[1:2] or [str(FOLDER)])))}\n")
