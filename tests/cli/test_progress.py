"""Commands that take long show it to a person at a terminal, say nothing to a pipe, and end at Ctrl-C.

What a command waits for here gives no answer before it is let go: the admin API, or a named pipe that
stands in place of a file.
"""

import itertools
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from filled_store import fill
from pulumi_groq.cli.main import commands
from pulumi_groq.gateway.store.copying import checked_copy, put_in_place
from pulumi_groq.gateway.store.store import open_store

pytestmark = pytest.mark.usefixtures("interruptible")

PAGE = b'{"object": "list", "as_of": "2026-11-23T12:00:00Z", "data": [], "has_more": false, '
PAGE += b'"first_id": null, "last_id": null}'
EMPTY_LISTS = [("keys", "list"), ("audit",), ("audit", "verify")]
OF_THE_GATEWAY = [
    *EMPTY_LISTS,
    ("usage",),
    ("usage", "--output", "json"),
    ("report", "--html", "page.html"),
    ("rotation", "status", "stack.json"),
    ("review", "plan.json"),
    ("validate", "stack.json"),
    ("init", "--from-gateway", "infra"),
]
STACK = {
    "version": 3,
    "deployment": {
        "resources": [{"urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", "type": "pulumi:pulumi:Stack"}]
    },
}


PATIENCE_S = 60


class Slow:
    """An admin API that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.set()
                slow.let_go.wait(PATIENCE_S)
                self.send_response(200)
                self.send_header("content-length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # the command has ended

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def until_asked(self) -> None:
        """Returns once somebody waits for an answer."""
        assert self.asked.wait(PATIENCE_S), "nobody asked"


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.let_go.set()
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the commands run."""
    (tmp_path / "stack.json").write_text(json.dumps(STACK), encoding="utf-8")
    (tmp_path / "plan.json").write_text('{"steps": [], "changeSummary": {}}', encoding="utf-8")
    return tmp_path


def started(folder: Path, stderr: int, *arguments: str, port: int = 9) -> "subprocess.Popen[bytes]":
    settings = {
        "GROQ_ADMIN_BASE_URL": f"http://127.0.0.1:{port}",
        "GROQ_ADMIN_KEY": "adm-0123456789",
        "TERM": "xterm",
    }
    command = str(Path(sys.prefix, "bin", "pulumi-groq"))
    return subprocess.Popen(
        [command, *arguments], cwd=folder, env=os.environ | settings, stdout=subprocess.PIPE, stderr=stderr
    )


def said(terminal: int, words: bytes) -> bytes:
    """What the terminal shows until `words` are among it."""
    shown = b""
    while words not in shown:
        readable, _, _ = select.select([terminal], [], [], PATIENCE_S)
        assert readable, f"{words!r} did not come: {shown!r}"
        shown += os.read(terminal, 1)
    return shown


def stopped_at_a_terminal(folder: Path, asked: Callable[[], object], *arguments: str, port: int = 9) -> str:
    """What a person saw of a command that was stopped while it waited, ended as every one ends."""
    terminal, stderr = pty.openpty()
    running = started(folder, stderr, *arguments, port=port)
    os.close(stderr)
    shown = said(terminal, b"\x1b[?25l")  # the cursor is hidden while something is shown
    asked()
    running.send_signal(signal.SIGINT)
    shown += said(terminal, b"Stopped") + said(terminal, b"\n")
    told, _ = running.communicate(timeout=PATIENCE_S)
    os.close(terminal)
    assert (running.returncode, told) == (130, b"")
    assert b"Traceback" not in shown
    return shown.decode()


def stopped_in_a_pipe(folder: Path, asked: Callable[[], object], *arguments: str, port: int = 9) -> str:
    """All that the same command says to a pipe."""
    running = started(folder, subprocess.PIPE, *arguments, port=port)
    asked()
    running.send_signal(signal.SIGINT)
    told, complained = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, told) == (130, b"")
    return complained.decode()


@pytest.mark.parametrize("arguments", OF_THE_GATEWAY, ids=" ".join)
def test_what_asks_the_gateway_tells_a_terminal_and_can_be_stopped(
    arguments: tuple[str, ...], slow: Slow, folder: Path
) -> None:
    """While the gateway is silent: what is going on; then the end, in one line, and nothing is written."""
    before = sorted(folder.iterdir())
    port = slow.server.server_port
    shown = stopped_at_a_terminal(folder, slow.until_asked, *arguments, port=port)
    assert " read" in shown or "asking the gateway" in shown
    assert shown.rstrip().endswith("Stopped.")
    slow.asked.clear()
    told = stopped_in_a_pipe(folder, slow.until_asked, *arguments, port=port)
    assert (told, sorted(folder.iterdir())) == ("Stopped.\n", before)


@pytest.mark.parametrize("arguments", EMPTY_LISTS, ids=" ".join)
def test_a_pipe_gets_the_result_alone(arguments: tuple[str, ...], slow: Slow, folder: Path) -> None:
    """Nothing on stderr, and no control character on stdout."""
    running = started(folder, subprocess.PIPE, *arguments, port=slow.server.server_port)
    slow.let_go.set()
    told, complained = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, complained) == (0, b"")
    assert b"\x1b" not in told


class Held:
    """A named pipe in place of a file, whose reader gets nothing."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._writers: list[int] = []

    def asked(self) -> None:
        """Returns once somebody reads."""
        self._writers.append(os.open(self._path, os.O_WRONLY))

    def close(self) -> None:
        """Let go of it."""
        for writer in self._writers:
            os.close(writer)


@pytest.fixture
def store(folder: Path) -> str:
    """A store in the folder that nobody uses."""
    store = open_store(f"sqlite:///{folder}/gateway.db")
    fill(store, 3)
    store.close()
    (folder / "gateway.db.journal").mkdir()
    return f"sqlite:///{folder}/gateway.db"


@pytest.fixture
def held() -> Iterator[Callable[[Path], Held]]:
    """Makes named pipes."""
    with ExitStack() as made:
        yield lambda path: made.enter_context(closing(Held(path)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_backup_can_be_stopped(store: str, folder: Path, held: Callable[[Path], Held]) -> None:
    """Neither it nor a part of it is there then."""
    journal = held(folder / "gateway.db.journal" / "1.jsonl")
    before = contents(folder)
    arguments = ("backup", "saved.db", "--store", store)
    shown = stopped_at_a_terminal(folder, journal.asked, *arguments)
    assert "copying the journal" in shown
    assert shown.rstrip().endswith("Stopped: no backup was written.")
    told = stopped_in_a_pipe(folder, journal.asked, *arguments)
    assert (told, contents(folder)) == ("Stopped: no backup was written.\n", before)


def test_a_restore_can_be_stopped(store: str, folder: Path, held: Callable[[Path], Held]) -> None:
    """The store is to the byte what it was."""
    (folder / "saved.db").write_bytes((folder / "gateway.db").read_bytes())
    secret = held(folder / "saved.db.secret")
    before = contents(folder)
    arguments = ("restore", "saved.db", "--replace", "--store", store)
    shown = stopped_at_a_terminal(folder, secret.asked, *arguments)
    assert "checking the copy" in shown
    assert shown.rstrip().endswith("Stopped: the store is as it was.")
    told = stopped_in_a_pipe(folder, secret.asked, *arguments)
    assert (told, contents(folder)) == ("Stopped: the store is as it was.\n", before)


def test_a_copy_to_postgresql_can_be_stopped(
    store: str, folder: Path, held: Callable[[Path], Held], postgresql_url: str
) -> None:
    """And says how to go on."""
    journal = held(folder / "gateway.db.journal" / "1.jsonl")
    arguments = ("store", "copy", store, postgresql_url)
    left = "Stopped: run the same command again, it goes on where it stopped."
    shown = stopped_at_a_terminal(folder, journal.asked, *arguments)
    assert "compared" in shown
    assert shown.rstrip().endswith(left)
    assert stopped_in_a_pipe(folder, journal.asked, *arguments) == f"{left}\n"


def test_reading_from_litellm_can_be_stopped(folder: Path, held: Callable[[Path], Held]) -> None:
    """Nothing of the project is there then."""
    keys = held(folder / "keys.json")
    before = contents(folder)
    arguments = ("init", "--from-litellm", "keys.json", "infra")
    shown = stopped_at_a_terminal(folder, keys.asked, *arguments)
    assert "reading LiteLLM's keys" in shown
    assert stopped_in_a_pipe(folder, keys.asked, *arguments) == "Stopped.\n"
    assert (contents(folder), (folder / "infra").exists()) == (before, False)


def test_what_was_begun_to_be_put_in_place_is_ended(
    store: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the secret and the store would leave a store that does not start."""
    (folder / "gateway.db.secret").write_text("s" * 32, encoding="ascii")

    def put(file: Path, destination: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        put_in_place(file, destination)

    monkeypatch.setattr("pulumi_groq.gateway.backup.put_in_place", put)
    done = CliRunner().invoke(commands, ["backup", str(folder / "saved.db"), "--store", store])
    assert (done.exit_code, done.stderr) == (0, "")
    assert (folder / "saved.db.secret").read_text(encoding="ascii") == "s" * 32
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sqlite_is_stopped_while_it_checks(store: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLite makes of Ctrl-C is one again, not a damaged store."""
    monkeypatch.setattr("pulumi_groq.gateway.store.copying._INSTRUCTIONS", 10)
    checks = itertools.count()

    def told(step: str, _: int, __: int | None) -> None:
        if step == "checking the copy" and next(checks) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked_copy(folder / "gateway.db", folder / "copy.db", told)


def test_a_question_can_be_left(tmp_path: Path) -> None:
    """The end of the input, Ctrl-D, at a question of `init` is as Ctrl-C."""
    terminal, other = pty.openpty()
    command = [str(Path(sys.prefix, "bin", "pulumi-groq")), "init", "infra"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=other, stdout=other, stderr=other) as running:
        os.close(other)
        said(terminal, b"Name of the Pulumi project [groq-access]: ")
        os.write(terminal, b"\x04")
        said(terminal, b"Stopped.")
    os.close(terminal)
    assert (running.returncode, list(tmp_path.iterdir())) == (130, [])
