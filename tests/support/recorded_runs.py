"""The first runs of stacks, each made once: whoever begins where one ends gets a copy of what it left."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_engine import PROGRAM, Gateway, Stack, new_stack, open_stack, start_gateway


class RecordedRuns:
    """`make_folder` makes the folders that runs are recorded in."""

    def __init__(self, make_folder: Callable[[], Path]) -> None:
        self._make_folder = make_folder
        self._folders: dict[str, Path] = {}

    def copy_to(
        self,
        folder: Path,
        package: str,
        declarations: Sequence[Mapping[str, Any]],
        program: str = PROGRAM,
    ) -> Callable[[Gateway], Stack]:
        """Put a gateway's store and a stack into `folder` as they are after one `pulumi up` for each of the
        `declarations`; gives what opens the stack once a gateway serves the store, `gateway.db`.
        """
        key = json.dumps([package, declarations, program])
        if key not in self._folders:
            self._folders[key] = self._record(package, declarations, program)
        shutil.copytree(self._folders[key], folder, symlinks=True, dirs_exist_ok=True)
        return lambda gateway: open_stack(folder, gateway, package=package, program=program)

    def _record(self, package: str, declarations: Sequence[Mapping[str, Any]], program: str) -> Path:
        folder = self._make_folder()
        gateway = start_gateway(folder / "gateway.db")
        try:
            stack = new_stack(folder, gateway, package=package, program=program)
            for each in declarations:
                stack.declare(**each)
                stack.up()
        finally:
            gateway.stop()
        return folder
