"""The comparators, at pinned versions, proxying plainly: without keys, limits or budgets."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from servers import GATEWAY_CORE, HERE, NotStartedError, Server, free_port, start

PORTKEY = "@portkey-ai/gateway@1.15.2"
AIOHTTP = "aiohttp==3.14.5"
LITELLM = "litellm[proxy]==1.91.1"  # never 1.82.7 or 1.82.8, which were malicious
INSTALL_S = 600
LITELLM_CONFIG = """
model_list:
  - model_name: openai/gpt-oss-20b
    litellm_params:
      model: openai/openai/gpt-oss-20b
      api_base: {upstream}/openai/v1
      api_key: benchmark
litellm_settings:
  telemetry: false
"""


def portkey(folder: Path, upstream_port: int) -> Server:
    """Portkey's open-source gateway from npm. Raises `NotStartedError`."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise NotStartedError("portkey needs node and npm on PATH")
    script = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not script.exists():
        _install([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PORTKEY])
    port = free_port()
    server = start(
        f"portkey {PORTKEY.rpartition('@')[2]}",
        GATEWAY_CORE,
        [node, str(script), "--headless", f"--port={port}"],
        port,
        folder,
        NODE_ENV="production",
        TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost",
    )
    server.url = f"http://127.0.0.1:{port}/v1/chat/completions"
    server.headers = [
        "x-portkey-provider: openai",
        f"x-portkey-custom-host: http://127.0.0.1:{upstream_port}/openai/v1",
    ]
    return server


def litellm(folder: Path, upstream_port: int) -> Server:
    """LiteLLM's proxy from PyPI without a database, one worker. Raises `NotStartedError`."""
    environment = folder / "litellm"
    script = environment / "bin/litellm"
    if not script.exists():
        _install([sys.executable, "-m", "venv", str(environment)])
        _install([str(environment / "bin/pip"), "install", "--quiet", LITELLM])
    config = folder / "litellm.yaml"
    config.write_text(LITELLM_CONFIG.format(upstream=f"http://127.0.0.1:{upstream_port}"))
    port = free_port()
    command = [str(script), "--config", str(config), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--num_workers", "1"]
    server = start(f"litellm {LITELLM.rpartition('=')[2]}", GATEWAY_CORE, command, port, folder)
    server.url = f"http://127.0.0.1:{port}/v1/chat/completions"
    return server


def floor(folder: Path, upstream_port: int) -> Server:
    """The pass-through on the gateway's own versions, with aiohttp, which the gateway does without.

    Raises `NotStartedError`.
    """
    environment = folder / "floor"
    if not environment.exists():
        own = [f"{name}=={version(name)}" for name in ("uvicorn", "uvloop", "httptools")]
        _install([sys.executable, "-m", "venv", str(environment)])
        _install([str(environment / "bin/pip"), "install", "--quiet", AIOHTTP, *own])
    port = free_port()
    command = [str(environment / "bin/python"), str(HERE / "floor.py")]
    command += [str(port), f"http://127.0.0.1:{upstream_port}"]
    return start("floor", GATEWAY_CORE, command, port, folder)


def _install(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError) as failure:
        raise NotStartedError(f"cannot be installed: {' '.join(command[:3])} ... failed") from failure
