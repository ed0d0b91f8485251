"""A PostgreSQL server of the tests' own: on a free port of this machine, in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from free_ports import free_port

USER = "gateway"
PASSWORD = "pw-of-the-tests"
DEADLINE_S = 60
UNPRIVILEGED = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: the first of these that exists runs it then."""

DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path:
    """The folder of initdb and postgres: of PATH, else Debian's newest version."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    assert versions, "PostgreSQL's server is missing: make test-services"
    return versions[-1]


class PostgresqlServer:
    """A running server; `close` ends it and removes its folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._folder.chmod(0o755)
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = next(name for name in UNPRIVILEGED if name in {each.pw_name for each in pwd.getpwall()})
            self._as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
            shutil.chown(self._folder, user)
            shutil.chown(self._data, user)
        password = self._folder / "password"
        password.write_text(PASSWORD)
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        self.port = free_port()
        self._numbers = count(1)
        self.start()

    def start(self) -> None:
        """Start it where it was; returns once it takes connections."""
        self._run(
            "pg_ctl",
            "start",
            f"--pgdata={self._data}",
            f"--log={self._folder}/log",
            f"--timeout={DEADLINE_S}",
            "--wait",
            # Tests kill processes, never the machine: what the kernel has is safe.
            f"--options=-p {self.port} -c listen_addresses=127.0.0.1"
            f" -c unix_socket_directories={self._folder}"
            " -c fsync=off -c max_connections=200 -c shared_buffers=16MB",
        )

    def stop(self) -> None:
        """End it at once, as `kill -9` would for those who are connected."""
        self._run("pg_ctl", "stop", f"--pgdata={self._data}", "--mode=immediate", "--wait")

    def close(self) -> None:
        """End it for good."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Where a database is, as `--store` takes it."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement as the superuser; gives its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def sessions(self, database_url: str) -> int:
        """How many connections a database has."""
        name = database_url.rsplit("/", 1)[1]
        return int(
            self.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")[0][0]  # noqa: S608
        )

    def _run(self, name: str, *options: str) -> None:
        done = subprocess.run(
            [binaries() / name, *options],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
            **self._as_user,
        )
        log = self._folder / "log"
        assert done.returncode == 0, f"{name}: {done.stderr}{log.read_text() if log.exists() else ''}"
