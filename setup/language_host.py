"""A small Pulumi language host for Python, for machines that cannot install Pulumi's own.

Serves the calls that preview, up, refresh and destroy make, and runs the program through the SDK's
`pulumi-language-python-exec`, and plugins that are Python programs. It installs nothing.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import LanguageRuntimeServicer, language_pb2, plugin_pb2
from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server

THREADS = 16  # each plugin that runs has one
LARGEST_MESSAGE_BYTES = 400 * 1024 * 1024  # what the engine itself accepts
REQUIRED_PACKAGES = Path(__file__).with_name("required_packages.py")
ALREADY_EXPLAINED = 32  # the program's exit code after it has shown what went wrong


class LanguageHost(LanguageRuntimeServicer):
    """Answers the engine; `engine` is the address that programs report to."""

    def __init__(self, engine: str, launcher: str) -> None:
        self._engine = engine
        self._launcher = launcher

    def Handshake(self, request: Any, _context: object) -> Any:  # noqa: N802 (the protocol's names, here and below)
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, _context: object) -> Any:  # noqa: N802
        """The plugins of the installed packages; the engine downloads those that it does not have."""
        asked = [_interpreter(request.info), str(REQUIRED_PACKAGES)]
        told = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
        packages = [plugin_pb2.PackageDependency(kind="resource", **each) for each in json.loads(told)]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def About(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def InstallDependencies(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return iter(())

    def Cancel(self, _request: Any, _context: object) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Run(self, request: Any, _context: object) -> Any:  # noqa: N802
        """Run the program to its end."""
        python = _interpreter(request.info)
        flags = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "pwd": request.pwd,
            "root_directory": request.info.root_directory,
            "parallel": str(request.parallel),
            "dry_run": str(request.dryRun).lower(),
        }
        program = Path(request.info.program_directory, request.info.entry_point or request.program or ".")
        command = [python, "-u", self._launcher]
        command += [text for name, value in flags.items() for text in (f"--{name}", value)]
        ended = subprocess.run(
            [*command, str(program), *request.args],
            env=_environment(python, request),
            check=False,
            stdout=sys.stderr,  # the engine shows it; standard output is the protocol's
        )
        if ended.returncode == ALREADY_EXPLAINED:
            return language_pb2.RunResponse(bail=True)
        if ended.returncode:
            return language_pb2.RunResponse(error=f"the program ended with exit code {ended.returncode}")
        return language_pb2.RunResponse()

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Run a plugin whose folder has a PulumiPlugin.yaml, until the engine is done with it."""
        program = Path(request.info.program_directory, request.info.entry_point or ".")
        with subprocess.Popen(
            [_interpreter(request.info), "-u", str(program), *request.args],
            cwd=request.pwd,
            env={**os.environ, **dict(each.split("=", 1) for each in request.env)},
            stdout=subprocess.PIPE,
        ) as running:
            context.add_callback(running.terminate)
            for line in running.stdout or ():
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=running.returncode)


def _interpreter(info: Any) -> str:
    """The Python of the project's `virtualenv` option, else the one that runs this host."""
    folder = dict(info.options).get("virtualenv")
    python = Path(info.root_directory, folder, "bin", "python") if folder else None
    return str(python) if python and python.exists() else sys.executable


def _environment(python: str, request: Any) -> dict[str, str]:
    folder = str(Path(python).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)]),
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def main() -> None:
    """Serve until the engine interrupts; the port goes to standard output, as the engine expects."""
    launcher = shutil.which("pulumi-language-python-exec")
    if launcher is None:
        sys.exit("pulumi-language-python-exec is not on PATH; remove .tools/pulumi and run make again")
    engine = next((word for word in reversed(sys.argv[1:]) if not word.startswith("-")), "")
    limits = [("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS), options=limits)
    add_LanguageRuntimeServicer_to_server(LanguageHost(engine, launcher), server)
    port = server.add_insecure_port("127.0.0.1:0")
    for ending in (signal.SIGINT, signal.SIGTERM):  # before the port is told: the engine may end at once
        signal.signal(ending, lambda *_: server.stop(0))
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
