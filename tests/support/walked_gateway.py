"""A gateway that notes which of the package's files its second chat call enters, in their order.

    python walked_gateway.py STORE UPSTREAM

Prints two lists of paths as JSON: what serves the call, and the round of the upkeep that writes its row.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

import pulumi_groq
from gateway_process import ADMIN_KEY
from patience import until
from pulumi_groq.cli.main import commands

PACKAGE = str(Path(pulumi_groq.__file__).parent) + os.sep
UPKEEP = ("gateway/metering/service.py", "gateway/health.py")
LOG_TIMER = "BatchingHandler.flush"
WRITTEN = "gateway/store/ledger.py"


def package_file(frame: FrameType) -> str:
    """The frame's file below the package; empty for all others."""
    name = frame.f_code.co_filename
    return name.removeprefix(PACKAGE) if name.startswith(PACKAGE) else ""


class Recorder:
    """Notes each file when it is first entered while `on`; the upkeep's and its threads' apart."""

    def __init__(self) -> None:
        self.on = False
        self.call: dict[str, None] = {}
        self.upkeep: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        file = package_file(frame) if self.on and event == "call" else ""
        if not file:
            return
        aside = (
            threading.current_thread() is not threading.main_thread()
            or frame.f_code.co_qualname == LOG_TIMER
            or self._in_upkeep(frame)
        )
        if aside and not self.upkeep and file != UPKEEP[1]:
            return  # the rest of a round that began before
        (self.upkeep if aside else self.call).setdefault(file)

    def _in_upkeep(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if package_file(frame) in UPKEEP:
                return True
            frame = frame.f_back
        return False


def visit(url: str, recorder: Recorder) -> None:
    """Two calls with a new key, the second one noted until its row is written."""
    policy = {"monthly_cap_usd": 100, "alert_thresholds_usd": [50]}
    key = {"name": "walk", "allowed_models": ["openai/gpt-oss-20b"], "monthly_budget_usd": 10}
    call = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}
    with httpx.Client(base_url=f"{url}/openai/v1", trust_env=False, timeout=60) as client:
        admin = {"authorization": f"Bearer {ADMIN_KEY}"}
        client.put("/spend-policy", json=policy, headers=admin).raise_for_status()
        made = client.post("/api-keys", json=key, headers=admin).raise_for_status().json()
        headers = {"authorization": f"Bearer {made['api_key']}"}
        client.post("/chat/completions", json=call, headers=headers).raise_for_status()
        recorder.on = True
        client.post("/chat/completions", json=call, headers=headers).raise_for_status()
        until(lambda: WRITTEN in recorder.upkeep, f"{WRITTEN} is entered", seen=lambda: list(recorder.upkeep))
        recorder.on = False


def main(store: str, upstream: str) -> None:
    os.environ |= {"GROQ_ADMIN_KEY": ADMIN_KEY, "GROQ_API_KEY": "operator-key-of-the-walk"}
    recorder = Recorder()

    def announced() -> None:
        line = reading.readline()
        try:
            visit(line.split()[-1], recorder)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    readable, writable = os.pipe()
    reading = os.fdopen(readable)
    printed, sys.stdout = sys.stdout, os.fdopen(writable, "w", buffering=1)
    client = threading.Thread(target=announced, daemon=True)
    client.start()
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    try:
        commands(
            ["serve", "--port", "0", "--store", f"sqlite:///{store}", "--upstream", upstream],
            standalone_mode=False,
        )
    finally:
        sys.setprofile(None)
        sys.stdout = printed
    client.join()
    sys.stdout.write(json.dumps([list(recorder.call), list(recorder.upkeep)]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
