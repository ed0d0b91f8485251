"""setup/language_host.py runs a program for the engine and reports how it ended."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import language_pb2
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeStub

from process_output import wait_for

HOST = Path(__file__).parents[2] / "setup" / "language_host.py"

LAUNCHER = """#!/usr/bin/env python3
import json, os, sys
configured = [os.environ["PULUMI_CONFIG"], os.environ["PULUMI_CONFIG_SECRET_KEYS"]]
json.dump([sys.argv[1:], configured], open(os.environ["SEEN"], "w"))
sys.exit(int(os.environ["ENDS_WITH"]))
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[int], LanguageRuntimeStub]]:
    """Starts a host whose programs end with the given code and write what they were given into `seen`."""
    launcher = tmp_path / "pulumi-language-python-exec"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)
    processes: list[subprocess.Popen[str]] = []
    channels: list[grpc.Channel] = []

    def start(ends_with: int) -> LanguageRuntimeStub:
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]]),
            "SEEN": str(tmp_path / "seen"),
            "ENDS_WITH": str(ends_with),
        }
        process = subprocess.Popen(
            [sys.executable, HOST, "127.0.0.1:1"], env=environment, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        channels.append(grpc.insecure_channel(f"127.0.0.1:{wait_for('[0-9]+', process.stdout)[0]}"))
        return LanguageRuntimeStub(channels[-1])

    yield start
    for channel in channels:
        channel.close()
    for process in processes:
        process.terminate()
        process.communicate(timeout=30)


def _request(root: Path) -> language_pb2.RunRequest:
    info = language_pb2.ProgramInfo(root_directory=str(root), program_directory=str(root), entry_point=".")
    return language_pb2.RunRequest(
        project="p", stack="s", dryRun=True, config={"a:b": "1"}, configSecretKeys=["a:b"], info=info
    )


def test_a_program_that_succeeds(host: Callable[[int], LanguageRuntimeStub], tmp_path: Path) -> None:
    """A program that ends well is reported without error."""
    answer = host(0).Run(_request(tmp_path))
    assert (answer.error, answer.bail) == ("", False)


def test_a_program_that_has_explained_itself(
    host: Callable[[int], LanguageRuntimeStub], tmp_path: Path
) -> None:
    """Exit code 32 means that the program has shown its error; the engine adds none."""
    answer = host(32).Run(_request(tmp_path))
    assert (answer.error, answer.bail) == ("", True)


def test_a_program_that_fails(host: Callable[[int], LanguageRuntimeStub], tmp_path: Path) -> None:
    """Any other exit code is reported with its number."""
    answer = host(3).Run(_request(tmp_path))
    assert (answer.error, answer.bail) == ("the program ended with exit code 3", False)


def test_what_a_program_is_given(host: Callable[[int], LanguageRuntimeStub], tmp_path: Path) -> None:
    """The program gets the engine's address, its stack, whether it is a preview, and its configuration."""
    host(0).Run(_request(tmp_path))
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    for given in ('"--engine", "127.0.0.1:1"', '"--stack", "s"', '"--dry_run", "true"', "a:b", str(tmp_path)):
        assert given in seen


def _required(
    host: Callable[[int], LanguageRuntimeStub], info: language_pb2.ProgramInfo
) -> list[tuple[str, str, str]]:
    answer = host(0).GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info))
    return [(each.kind, each.name, each.version) for each in answer.packages]


def test_this_package_asks_for_no_plugin(host: Callable[[int], LanguageRuntimeStub], tmp_path: Path) -> None:
    """The engine is told of no plugin to download, for there is none of this name."""
    assert _required(host, _request(tmp_path).info) == []


@pytest.mark.parametrize(
    ("distribution", "declared", "required"),
    [
        ("pulumi_sky", '{"resource": false}', []),
        ("pulumi_sky", None, [("resource", "sky", "v1.2.3")]),
        ("sky", '{"resource": true}', [("resource", "sky", "v1.2.3")]),
        ("sky", '{"resource": true, "name": "sea", "version": "4.0.0"}', [("resource", "sea", "v4.0.0")]),
        ("sky", None, []),
    ],
)
def test_what_installed_packages_ask_for(
    host: Callable[[int], LanguageRuntimeStub],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    distribution: str,
    declared: str | None,
    required: list[object],
) -> None:
    """`pulumi-plugin.json` beside the modules decides; without it, a name that begins with `pulumi-`."""
    metadata = tmp_path / f"{distribution}-1.2.3.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n", encoding="utf-8")
    if declared is not None:
        modules = tmp_path / distribution
        modules.mkdir()
        (modules / "pulumi-plugin.json").write_text(declared, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert _required(host, _request(tmp_path).info) == required
