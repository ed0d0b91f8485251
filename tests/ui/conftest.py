"""A real gateway with weeks of traffic behind it, and a real browser in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from headless_browser import DESK, Browser, headless_browser
from local_engine import Gateway
from played_history import played_gateway
from pulumi_groq.cli.main import commands

HOSTILE_NAME = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&|`=1+1"
)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With a team and a key whose names are hostile, and used."""
    gateway = played_gateway(tmp_path_factory.mktemp("ui"), scale=0.02)
    _use_hostile_names(gateway)
    yield gateway
    gateway.stop()


def _use_hostile_names(gateway: Gateway) -> None:
    admin = {"authorization": f"Bearer {gateway.admin_key}"}
    model = "llama-3.1-8b-instant"
    with httpx.Client(base_url=f"{gateway.base_url}/openai/v1", trust_env=False, timeout=60) as http:
        team = {"allowed_models": [model], "budgets": [{"usd": 5, "per": "hour"}]}
        http.put("/teams/%3Cscript%3Ealert(1)%3C%2Fscript%3E", json=team, headers=admin).raise_for_status()
        key = {"name": HOSTILE_NAME, "team": "<script>alert(1)</script>", "allowed_models": [model]}
        value = http.post("/api-keys", json=key, headers=admin).raise_for_status().json()["api_key"]
        call = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        for _ in range(3):
            bearer = {"authorization": f"Bearer {value}"}
            http.post("/chat/completions", json=call, headers=bearer).raise_for_status()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A fresh browser on a desk; what a page should not do fails the test at its end."""
    with headless_browser(tmp_path / "profile") as browser:
        browser.look(DESK)
        yield browser
        assert browser.problems == []


@pytest.fixture
def sign_in(browser: Browser, gateway: Gateway) -> Callable[[str], None]:
    """Fills the form in and sends it, as a person does."""

    def fill_in(key: str) -> None:
        browser.open(f"{gateway.base_url}/ui")
        browser.evaluate(f"document.querySelector('#admin-key').value = {key!r}")
        browser.click("form button")

    return fill_in


@pytest.fixture
def report_file(gateway: Gateway, tmp_path: Path) -> Path:
    """The page as a file, written by the real command."""
    file = tmp_path / "report.html"
    environment = {"GROQ_ADMIN_BASE_URL": gateway.base_url, "GROQ_ADMIN_KEY": gateway.admin_key}
    done = CliRunner().invoke(commands, ["report", "--html", str(file)], env=environment)
    assert (done.exit_code, done.stdout) == (0, f"wrote {file}\n"), done.output
    return file
