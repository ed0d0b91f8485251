"""`pulumi-groq serve`: how it starts, why it does not, how it stops."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from free_ports import free_port
from process_output import wait_for

ADMIN_KEY = "admin-key-of-the-cli-tests"
DEADLINE_S = 60


class Run:
    """One run of the command in a folder of its own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GROQ_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pulumi_groq.cli", "serve", *options],
            cwd=folder,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def url(self) -> str:
        """Where it listens, once it says so."""
        return wait_for(r"^gateway listening on (https?://\S+)", self.process.stdout, DEADLINE_S)[1]

    def outcome(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err

    def stop(self) -> tuple[int, str, str]:
        """SIGTERM, then the outcome."""
        self.process.send_signal(signal.SIGTERM)
        return self.outcome()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts the command; with the admin key unless the environment says otherwise."""
    runs: list[Run] = []

    def start(*options: str, **environment: str) -> Run:
        runs.append(Run(tmp_path, *options, **({"GROQ_ADMIN_KEY": ADMIN_KEY} | environment)))
        return runs[-1]

    yield start
    for each in runs:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


def refusal(run: Run) -> str:
    """The one line of a run that must not start."""
    code, out, err = run.outcome()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    return err


def test_it_says_where_it_listens_and_serves(run: Callable[..., Run]) -> None:
    """One line on stdout; the store is beside it."""
    url = run("--port=0").url()
    answers = [
        httpx.get(f"{url}{path}", trust_env=False, timeout=60) for path in ("/healthz", "/readyz", "/metrics")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_sigterm_ends_it_with_0(run: Callable[..., Run]) -> None:
    """Stopping as told is no failure; nothing else is printed."""
    running = run("--port=0")
    running.url()
    assert running.stop() == (0, "", "")


@contextmanager
def hangups(handled: signal.Handlers) -> Iterator[None]:
    """Commands begin with this, whatever those who run the tests began with."""
    before = signal.signal(signal.SIGHUP, handled)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_hangup_ends_it_as_sigterm_does(run: Callable[..., Run]) -> None:
    """A terminal that closes, or a rotation of logs: money is given back, nothing is cut off."""
    with hangups(signal.SIG_DFL):
        running = run("--port=0")
    running.url()
    running.process.send_signal(signal.SIGHUP)
    assert running.outcome() == (0, "", "")


def test_a_hangup_ends_nothing_that_nohup_began(run: Callable[..., Run]) -> None:
    """Who begins it so wants it to go on when the terminal closes."""
    with hangups(signal.SIG_IGN):
        running = run("--port=0")
    url = running.url()
    running.process.send_signal(signal.SIGHUP)
    assert httpx.get(f"{url}/healthz", trust_env=False, timeout=DEADLINE_S).status_code == 200
    assert running.stop() == (0, "", "")


def test_sigterm_ends_a_start(run: Callable[..., Run]) -> None:
    """By the process itself: the kernel does not end the first one of a container."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = f"postgresql://gateway:pw@127.0.0.1:{silent.getsockname()[1]}/x"
        starting = run("--port=0", GROQ_GATEWAY_STORE=store)
        silent.settimeout(DEADLINE_S)
        connection, _ = silent.accept()
        with connection:  # nothing is said on it: the start waits
            assert starting.stop() == (0, "", "")


UNHURRIED = """
import runpy
from pulumi_groq.gateway import server
server.LAST_REQUESTS_S = 25
runpy.run_module("pulumi_groq.cli", run_name="__main__")
"""


def test_a_connection_in_use_is_told_before_it_is_closed(tmp_path: Path) -> None:
    """A request that meets the end of its connection is lost, where nobody may send it again."""
    with subprocess.Popen(
        [sys.executable, "-c", UNHURRIED, "serve", "--port=0"],
        cwd=tmp_path,
        env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        url = wait_for(r"^gateway listening on (\S+)", running.stdout, DEADLINE_S)[1]
        with httpx.Client(base_url=url, trust_env=False, timeout=DEADLINE_S) as client:
            before = client.get("/healthz")
            running.send_signal(signal.SIGTERM)
            _until_refused("127.0.0.1", int(url.rsplit(":", 1)[1]))
            after = client.get("/healthz")
        assert running.wait(DEADLINE_S) == 0
    told = [(each.status_code, each.headers.get("connection")) for each in (before, after)]
    assert told == [(200, None), (200, "close")]


ENDLESS = """
import asyncio, runpy
from uvicorn.lifespan.on import LifespanOn
from pulumi_groq.gateway import server
server.CLOSE_WITHIN_S = 0.1
async def wait(self):
    await asyncio.Event().wait()
LifespanOn.shutdown = wait
runpy.run_module("pulumi_groq.cli", run_name="__main__")
"""


def test_a_stop_that_waits_for_a_silent_store_ends_with_a_word(tmp_path: Path) -> None:
    """Before its supervisor's patience does: nothing is lost by it."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "serve", "--port=0", "--drain-seconds=0"],
        cwd=tmp_path,
        env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        wait_for(r"^gateway listening on (\S+)", running.stdout, DEADLINE_S)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=DEADLINE_S)
    assert running.returncode == 1
    assert "the store does not answer, so the gateway ends as if it were killed" in said
    assert "Traceback" not in said


SIGTERM_BEFORE_IT_RUNS = """
import runpy, signal, uvicorn
run = uvicorn.Server.run
def stopped(self, sockets=None):
    signal.raise_signal(signal.SIGTERM)
    run(self, sockets)
uvicorn.Server.run = stopped
runpy.run_module("pulumi_groq.cli", run_name="__main__")
"""


def test_sigterm_counts_before_requests_are_taken(tmp_path: Path) -> None:
    """Between the start and uvicorn's own handlers it was lost, and the gateway went on."""
    done = subprocess.run(
        [sys.executable, "-c", SIGTERM_BEFORE_IT_RUNS, "serve", "--port=0"],
        cwd=tmp_path,
        env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_running_request_is_finished_first(run: Callable[..., Run]) -> None:
    """SIGTERM while a body is on its way: the request is answered, then the process ends."""
    running = run("--port=0", "--drain-seconds=20")
    host, port = running.url().removeprefix("http://").split(":")
    body = b'{"name": "x", "allowed_models": ["gemma2-9b-it"]}'
    head = (
        "POST /openai/v1/api-keys HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
        f"authorization: Bearer {ADMIN_KEY}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall(head + body[:10])
        # Answered requests on another connection mean that the server has read what came before.
        httpx.get(f"http://{host}:{port}/healthz", trust_env=False, timeout=60)
        running.process.send_signal(signal.SIGTERM)
        _until_refused(host, int(port))
        connection.sendall(body[10:])
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert running.outcome()[0] == 0


def _until_refused(host: str, port: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except ConnectionRefusedError:
            return
        except (ConnectionResetError, TimeoutError):
            continue  # it came while the socket was being closed
    raise AssertionError("the server still takes connections")


@contextmanager
def unfinished_request(running: Run) -> Iterator[tuple[str, int]]:
    """One whose body does not end is served meanwhile, at this host and port."""
    host, port = running.url().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall(
            b"POST /openai/v1/api-keys HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {ADMIN_KEY}\r\ncontent-length: 9\r\n\r\n".encode()
        )
        httpx.get(f"http://{host}:{port}/healthz", trust_env=False, timeout=60)
        yield host, int(port)


def test_a_request_that_does_not_end_is_cut_after_the_drain(run: Callable[..., Run]) -> None:
    """Shutting down does not wait for ever."""
    running = run("--port=0", "--drain-seconds=1")
    with unfinished_request(running):
        code, _, said = running.stop()
    assert (code, "Traceback" in said) == (0, False)


def test_a_second_interrupt_cuts_off_what_runs(run: Callable[..., Run]) -> None:
    """Without waiting for the drain, and without a traceback."""
    running = run("--port=0", "--drain-seconds=600")
    with unfinished_request(running) as (host, port):
        running.process.send_signal(signal.SIGINT)
        _until_refused(host, port)
        running.process.send_signal(signal.SIGINT)
        code, _, said = running.outcome()
    assert (code, "Traceback" in said) == (0, False), said


def test_what_was_written_is_there_after_a_restart(run: Callable[..., Run]) -> None:
    """Keys, and that they serve."""
    first = run("--port=0")
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = {"name": "x", "allowed_models": ["gemma2-9b-it"]}
    key = httpx.post(
        f"{first.url()}/openai/v1/api-keys", json=body, headers=headers, trust_env=False, timeout=60
    ).json()
    first.stop()
    url = run("--port=0").url()
    own = {"authorization": f"Bearer {key['api_key']}"}
    models = httpx.get(f"{url}/openai/v1/models", headers=own, trust_env=False, timeout=60).json()
    assert [model["id"] for model in models["data"]] == ["gemma2-9b-it"]


def test_a_missing_admin_key_is_one_line(run: Callable[..., Run]) -> None:
    """It names the variable."""
    assert "GROQ_ADMIN_KEY is not set" in refusal(run(GROQ_ADMIN_KEY=""))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--store=gateway.db"], "sqlite:///path/to/gateway.db"),
        (["--store=sqlite:///no/such/folder/g.db"], "does not exist"),
        (["--store=sqlite:////proc/g.db"], "cannot write"),
        (["--price-list=missing.toml"], "missing.toml: the price list cannot be read"),
        (["--upstream=http://api.groq.com"], "unencrypted"),
        (["--upstream=https://api.groq.com"], "GROQ_API_KEY is not set"),
        (["--host=203.0.113.1"], "203.0.113.1"),
        (["--tls-cert=tls.crt"], "--tls-cert and --tls-key go together"),
        (["--tls-cert=no.crt", "--tls-key=no.key"], "--tls-cert: it cannot be read: No such file"),
        (["--trusted-proxies=proxy.example.com"], "--trusted-proxies: 'proxy.example.com' is neither"),
    ],
)
def test_an_unusable_setting_is_one_line(run: Callable[..., Run], options: list[str], said: str) -> None:
    """What, why, what to do; exit code 2, no traceback."""
    assert said in refusal(run("--port=0", *options))


def test_a_proxy_that_is_not_spoken_is_one_line(run: Callable[..., Run]) -> None:
    """Without its password."""
    refused = refusal(run("--port=0", HTTPS_PROXY="socks5://user:s3cret@proxy:1080"))
    assert "HTTPS_PROXY: a proxy is spoken to over http://" in refused
    assert "s3cret" not in refused


def test_a_broken_price_list_is_one_line(run: Callable[..., Run], tmp_path: Path) -> None:
    """With the entry at fault."""
    (tmp_path / "prices.toml").write_text('format = 1\nas_of = 2026-11-01\n[models."m"]\nkind = "poem"\n')
    assert "prices.toml: models.m" in refusal(run("--port=0", "--price-list=prices.toml")).replace('"', "")


def test_a_port_in_use_is_one_line(run: Callable[..., Run]) -> None:
    """It says which, and how to have another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port {port}: it is in use" in refusal(run(f"--port={port}"))


def test_a_second_gateway_on_one_store_is_refused(run: Callable[..., Run]) -> None:
    """Limits counted in two processes would not be held."""
    run("--port=0").url()
    assert "another gateway is using" in refusal(run("--port=0"))


def test_a_store_of_a_newer_version_is_refused(run: Callable[..., Run], tmp_path: Path) -> None:
    """Nothing of it is touched."""
    first = run("--port=0")
    first.url()
    first.stop()
    with sqlite3.connect(tmp_path / "gateway.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()
    assert "r9999" in refusal(run("--port=0"))


@pytest.mark.parametrize(
    "option",
    [
        "--port=70000",
        "--port=x",
        "--default-requests-per-minute=0",
        "--default-tokens-per-day=many",
        "--default-max-parallel-requests=0",
        "--workers=2",
    ],
)
def test_a_bad_option_is_a_usage_error(run: Callable[..., Run], option: str) -> None:
    """Exit code 2 and the option's name; there are no workers to set."""
    code, out, err = run(option).outcome()
    assert (code, out, option.split("=", maxsplit=1)[0] in err, "Traceback" in err) == (2, "", True, False)


def test_default_limits_are_in_force(run: Callable[..., Run]) -> None:
    """A number or unlimited, for keys that declare none."""
    options = (
        "--default-requests-per-minute=7",
        "--default-tokens-per-minute=unlimited",
        "--default-max-parallel-requests=3",
    )
    url = run("--port=0", *options).url()
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = {"name": "x", "allowed_models": ["gemma2-9b-it"]}
    key = httpx.post(
        f"{url}/openai/v1/api-keys", json=body, headers=headers, trust_env=False, timeout=60
    ).json()
    assert key["effective_limits"] == {
        "requests_per_minute": 7,
        "tokens_per_minute": None,
        "requests_per_day": None,
        "tokens_per_day": None,
        "max_parallel_requests": 3,
    }


def test_log_lines_are_json_when_asked(run: Callable[..., Run]) -> None:
    """One object a line, with the request id of the answer."""
    running = run("--port=0", "--log-format=json")
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    answer = httpx.get(f"{running.url()}/openai/v1/teams", headers=headers, trust_env=False, timeout=60)
    _, _, err = running.stop()
    (line,) = (json.loads(each) for each in err.splitlines())
    assert (line["request_id"], line["route"], line["status"]) == (
        answer.headers["x-request-id"],
        "/openai/v1/teams",
        200,
    )


def test_why_it_does_not_start_is_json_when_asked(run: Callable[..., Run], tmp_path: Path) -> None:
    """Whoever collects logs reads the one line that matters most, too."""
    code, out, err = run("--log-format=json", f"--store=sqlite:///{tmp_path}/nowhere/g.db").outcome()
    line = json.loads(err)
    assert (code, out, line["level"]) == (2, "", "error")
    assert line["message"].startswith(f"the folder {tmp_path}/nowhere does not exist")


WARNINGS_OF_LIBRARIES = """
import logging, runpy, uvicorn
def run(self, sockets=None):
    logging.getLogger("asyncio").error("never retrieved", exc_info=ValueError("x"))
    logging.getLogger("uvicorn.error").warning("cut")
    logging.getLogger("sqlalchemy.pool").info("not told")
uvicorn.Server.run = run
runpy.run_module("pulumi_groq.cli", run_name="__main__")
"""


def test_what_libraries_log_is_json_when_asked(tmp_path: Path) -> None:
    """Their warnings and errors, in one line each with the traceback."""
    done = subprocess.run(
        [sys.executable, "-c", WARNINGS_OF_LIBRARIES, "serve", "--port=0", "--log-format=json"],
        cwd=tmp_path,
        env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["message"].splitlines()[0]) for line in lines] == [
        ("error", "never retrieved"),
        ("warning", "cut"),
    ]


def test_the_help_names_every_secret_and_exit_code(run: Callable[..., Run]) -> None:
    """What cannot be seen in the options."""
    code, out, _ = run("--help").outcome()
    words = ("GROQ_ADMIN_KEY", "GROQ_GATEWAY_SECRET", "GROQ_API_KEY", "Exit codes")
    assert (code, [word in out for word in words]) == (0, [True] * 4)


def test_a_server_that_is_out_is_one_line_and_exit_1(run: Callable[..., Run]) -> None:
    """A supervisor does not start again what ends with 2, and machines do not come up in order."""
    store = f"postgresql://gateway:pw@127.0.0.1:{free_port()}/x"
    code, out, err = run("--port=0", GROQ_GATEWAY_STORE=store).outcome()
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert "Connection refused" in err


def test_damage_is_one_line_and_exit_2(run: Callable[..., Run], tmp_path: Path) -> None:
    """A killed gateway's store, with each of what may befall it: no traceback, what to do, nothing served.
    With what it was put back, it starts.
    """
    killed = run("--port=0")
    url = killed.url()
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = {"name": "x", "allowed_models": ["gemma2-9b-it"]}
    httpx.post(
        f"{url}/openai/v1/api-keys", json=body, headers=headers, trust_env=False, timeout=60
    ).raise_for_status()
    killed.process.kill()
    killed.outcome()

    log = tmp_path / "gateway.db-wal"
    kept = log.read_bytes()
    log.unlink()
    assert "writes that it acknowledged" in refusal(run("--port=0"))
    log.write_bytes(kept)

    stray = tmp_path / "gateway.db.journal" / "notanumber.jsonl"
    stray.touch()
    assert "notanumber.jsonl is no segment of the journal" in refusal(run("--port=0"))
    stray.unlink()

    database = tmp_path / "gateway.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:8192] + b"\xa5" * 8192 + whole[16384:])
    assert "pulumi-groq restore" in refusal(run("--port=0"))
    database.write_bytes(whole)

    url = run("--port=0").url()
    keys = httpx.get(f"{url}/openai/v1/api-keys", headers=headers, trust_env=False, timeout=60).json()["data"]
    assert [key["name"] for key in keys] == ["x"]


def test_a_store_that_lost_writes_starts_when_told_to(run: Callable[..., Run], tmp_path: Path) -> None:
    """What is gone stays gone, and the next start needs no telling."""
    killed = run("--port=0")
    killed.url()
    killed.process.kill()
    killed.outcome()
    (tmp_path / "gateway.db.stamp").write_text("99\n")
    assert "holds" in refusal(run("--port=0"))

    assert run("--port=0", "--accept-older-store").url()


def test_counters_that_cannot_work_are_refused_without_their_password(run: Callable[..., Run]) -> None:
    """Also those of the environment, where a password belongs."""
    code, _, said = run("--port=0", GROQ_COUNTERS_URL="redis://:hunter2@db.example.com").outcome()

    assert (code, "unencrypted: use rediss://" in said, "hunter2" in said) == (2, True, False)
