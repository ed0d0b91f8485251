"""Debian's Chromium without a screen, led over its debugging pipe: no driver and no package needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEADLINE_S = 60.0
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
PHONE = (375, 812)
DESK = (1180, 900)


class Browser:
    """One tab. `problems` are console errors, uncaught exceptions and violations of the content policy."""

    def __init__(self, process: "subprocess.Popen[bytes]", to_browser: int, from_browser: int) -> None:
        self.process = process
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._to = to_browser
        self._from = from_browser
        self._unread = b""
        self._last_id = 0
        self._session: str | None = None
        self._loaded = False
        self._attach()

    def open(self, url: str) -> None:
        """Load a page to its end."""
        self._loaded = False
        answer = self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise AssertionError(f"{url}: {answer['errorText']}")
        self.wait_until_loaded()

    def click(self, selector: str) -> None:
        """Click what leads to another page, and wait for that."""
        self._loaded = False
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        self.wait_until_loaded()

    def go_back(self) -> None:
        """Go to the page before, and wait until it, or where it leads, is loaded."""
        self._loaded = False
        self.evaluate("history.back()")
        self.wait_until_loaded()

    def wait_until_loaded(self) -> None:
        """Until the load event of the navigation under way."""
        while not self._loaded:
            self._read()

    def look(self, size: tuple[int, int], scheme: str = "light") -> None:
        """Set the size of the screen in CSS pixels, and whether it is light or dark."""
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, *, whole: bool = True) -> bytes:
        """A PNG of the page, or of what the screen shows of it."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol; gives its result."""
        self._last_id += 1
        wanted = self._last_id
        message: dict[str, Any] = {"id": wanted, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.call(f"{domain}.enable")

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_S
        while b"\0" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise AssertionError("the browser does not answer")
            received = os.read(self._from, 1 << 20)
            if not received:
                raise AssertionError("the browser ended")
            self._unread += received
        whole, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(whole)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, said: dict[str, Any]) -> None:
        match event:
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requested.append(said["request"]["url"])
            case "Runtime.exceptionThrown":
                self.problems.append(str(said["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if said["type"] in {"error", "warning"}:
                self.problems.append(str(said["args"]))
            case "Log.entryAdded" if said["entry"]["level"] in {"error", "warning"}:
                self.problems.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
            case "Audits.issueAdded" if said["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.problems.append(str(said["issue"]["details"]))


@contextmanager
def headless_browser(profile: Path) -> Iterator[Browser]:
    """A fresh browser with its profile in a folder of its own; ended with the block."""
    program = shutil.which("chromium")
    if program is None:
        raise AssertionError("chromium is missing: sh setup/browser.sh installs it")
    for_browser, to_browser = os.pipe()
    from_browser, by_browser = os.pipe()
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with profile.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{for_browser} 4>&{by_browser}', "bash", *command],
            pass_fds=(for_browser, by_browser),
            stdout=log,
            stderr=log,
        )
    os.close(for_browser)
    os.close(by_browser)
    try:
        yield Browser(process, to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        os.close(to_browser)
        os.close(from_browser)
