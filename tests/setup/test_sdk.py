"""setup/sdk.py writes the plugin's schema and SDKs, with generators that it builds once."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from setup_commands import Run, StandIn

GO = """
case "$1" in
    build)
        while [ "$1" != -o ]; do shift; done
        cat >"$2" <<'SCRIPT'
#!/bin/sh
for each in go nodejs python; do mkdir "$2/$each"; cat "$1" >"$2/$each/sdk"; done
SCRIPT
        "$CHMOD" +x "$2"
        ;;
esac
"""
SCHEMA = "provider/pulumi_groq/plugin/schema.json"


@pytest.fixture
def sources(checkout: Path) -> Path:
    """A checkout with SDKs of an older schema."""
    (checkout / SCHEMA).parent.mkdir(parents=True)
    (checkout / "sdk" / "nodejs").mkdir(parents=True)
    (checkout / "sdk" / "nodejs" / "gone.ts").write_text("", encoding="utf-8")
    return checkout


def test_a_machine_without_go_changes_nothing(run: Run, sources: Path) -> None:
    """One line says what is missing, before anything is written."""
    done = run(sys.executable, "setup/sdk.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "setup: Go 1.25 or newer is missing, which the SDKs' generators are built with; see https://go.dev/dl/\n"
    )
    assert not (sources / SCHEMA).exists()


def test_the_generators_are_built_once_and_their_sdks_replace_the_old(
    run: Run, stand_in: StandIn, sources: Path
) -> None:
    """Every language's SDK is that of the schema of now, a second run needs no Go, and old files go."""
    go = stand_in("go", GO.replace("$CHMOD", str(shutil.which("chmod"))))
    assert run(sys.executable, "setup/sdk.py").returncode == 0
    go.unlink()
    again = run(sys.executable, "setup/sdk.py")
    assert (again.returncode, again.stderr) == (0, "")
    schema = (sources / SCHEMA).read_text(encoding="utf-8")
    assert json.loads(schema)["name"] == "groq"
    sdks = sorted(file.relative_to(sources / "sdk").as_posix() for file in (sources / "sdk").rglob("*.*"))
    assert sdks == ["go/groq/go.mod"]
    for language in ("go", "nodejs", "python"):
        assert (sources / "sdk" / language / "sdk").read_text(encoding="utf-8") == schema
