"""Writes the plugin's schema and its SDKs under sdk/ anew from the models: `make sdk`.

The generators are those of `pulumi package gen-sdk`, built from the Go module proxy at first use, about
half a minute; later runs need no network.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import ROOT, TOOLS, fail, say
from go_build import GoBuild
from pulumi_cli import VERSION

SOURCE = Path(__file__).parent / "sdk_generator" / "main.go"
GENERATORS = "github.com/pulumi/pulumi/pkg/v3/codegen"
LANGUAGES = ("go", "nodejs", "python")
PACKAGES = 670  # of the generators at 3.259.0; only for the progress lines
_GO_MOD = "module sdk-generator\n\ngo 1.25\n"
_GO_SDK_MOD = f"""\
module example.com/pulumi-groq/sdk/go/groq

go 1.25

require (
	github.com/blang/semver v3.5.1+incompatible
	github.com/pulumi/pulumi/sdk/v3 v{VERSION}
)
"""  # the generator writes packages alone


def generator() -> Path:
    """The command that writes SDKs, built where this version of it is not there yet."""
    identity = hashlib.sha256(SOURCE.read_bytes() + VERSION.encode()).hexdigest()[:12]
    binary = TOOLS / f"sdk-generator-{identity}"
    if binary.exists():
        return binary
    go = GoBuild("sdk-generator", _GO_MOD, "the SDK generator", PACKAGES)
    if not go.has_go:
        fail("Go 1.25 or newer is missing, which the SDKs' generators are built with; see https://go.dev/dl/")
    say(f"Building the SDK generators of Pulumi {VERSION}, once ...")
    shutil.copyfile(SOURCE, go.folder / SOURCE.name)
    go.run("get", *(f"{GENERATORS}/{name}@v{VERSION}" for name in (*LANGUAGES, "schema")))
    new = go.folder / "new"
    go.build(".", new, "-ldflags", "-s -w")
    new.replace(binary)
    return binary


def write_sdks(generate: Path, schema: Path, folder: Path) -> None:
    """Put the SDKs of `schema` below `folder` in the place of those that are there."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as scratch:
        done = subprocess.run(
            [str(generate), str(schema), scratch], stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            fail(f"the SDKs could not be written: {done.stderr.strip()}")
        for language in LANGUAGES:
            shutil.rmtree(folder / language, ignore_errors=True)
            shutil.move(Path(scratch, language), folder / language)
    module = folder / "go" / "groq"
    module.mkdir(exist_ok=True)
    (module / "go.mod").write_text(_GO_SDK_MOD, encoding="utf-8")


def main() -> None:
    """Write the schema and, from it, the SDKs; nothing is written where the generators cannot be had."""
    generate = generator()
    schema = ROOT / "provider" / "pulumi_groq" / "plugin" / "schema.json"
    subprocess.run([sys.executable, "-m", "pulumi_groq.plugin.schema", str(schema)], check=True)
    write_sdks(generate, schema, ROOT / "sdk")


if __name__ == "__main__":
    main()
