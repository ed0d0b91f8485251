"""Which plugins a program's installed packages bring, as Pulumi's own Python language host asks it.

Run by the program's interpreter with the standard library alone; prints a JSON list of objects with
`name` and `version`. A distribution counts if `pulumi-plugin.json` lies in the folder of its modules,
or if it is named `pulumi-...`: without that file it is taken for a plugin of its own name and version.
The folder is the distribution's name with underscores, below the place where it is installed.
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PREFIX = "pulumi-"
NO_PLUGINS = frozenset({"pulumi", "pulumi-policy", "pulumi-esc-sdk"})  # Pulumi's own libraries


def required_packages() -> Iterator[dict[str, str]]:
    """Name and version of the plugin of each installed package that brings one."""
    for distribution in distributions():
        name = str(distribution.metadata["Name"] or "").lower().replace("_", "-")
        declared = _declared(distribution, name)
        if declared is None and (not name.startswith(PREFIX) or name in NO_PLUGINS):
            continue
        told = declared or {"resource": True}
        if told.get("resource"):
            version = str(told.get("version") or distribution.version)
            yield {"name": str(told.get("name") or name.removeprefix(PREFIX)), "version": f"v{version}"}


def _declared(distribution: Distribution, name: str) -> dict[str, object] | None:
    file = Path(str(distribution.locate_file(name.replace("-", "_"))), "pulumi-plugin.json")
    if not file.is_file():
        return None
    told: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return told


if __name__ == "__main__":
    json.dump(list(required_packages()), sys.stdout)
