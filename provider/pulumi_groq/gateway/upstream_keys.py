"""The operator's own keys for the upstream, by name: of the environment, or of files that are read again."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pulumi_groq.errors import ConfigurationError

DEFAULT: Final = "default"
"""The name of the key of all teams that name none: GROQ_API_KEY, unless a source of this name is given."""
REREAD_PERIOD_S: Final = 5.0
LARGEST_FILE_BYTES: Final = 4096

_SOURCE: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,62})=(env|file):(.+)", re.DOTALL)
_log = logging.getLogger("pulumi_groq.gateway.upstream")


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key `name` comes from: its value, or a file that holds it."""

    name: str
    value: str = field(default="", repr=False)
    file: Path | None = None


def parse_source(text: str, environment: Mapping[str, str]) -> KeySource:
    """`NAME=env:VARIABLE` or `NAME=file:PATH`. Raises `ConfigurationError`, without a value."""
    match = _SOURCE.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            "--upstream-key must be NAME=env:VARIABLE or NAME=file:PATH, the name of lower-case letters, "
            "digits, - and _, such as research=file:/run/secrets/groq-research"
        )
    name, kind, place = match.groups()
    if kind == "file":
        return KeySource(name, file=Path(place))
    if place not in environment:
        raise ConfigurationError(f"--upstream-key {name}: {place} is not set: put the key into it")
    return KeySource(name, environment[place])


class UpstreamKeys:
    """The keys by name. Raises `ConfigurationError` for a name that is given twice and a key that cannot be
    used; no message holds a value.
    """

    def __init__(self, sources: Iterable[KeySource]) -> None:
        self._files: dict[str, Path] = {}
        self._values: dict[str, str] = {}
        self.find: Final[Callable[[str], str | None]] = self._values.get
        """The value of the key with this name; `None` for an unknown one."""
        for source in sources:
            if source.name in self._values:
                raise ConfigurationError(f"--upstream-key {source.name} is given twice")
            if source.file is not None:
                self._files[source.name] = source.file
            self._values[source.name] = (
                _usable(source.name, source.value) if source.file is None else _read(source.name, source.file)
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names that teams may give, in order."""
        return tuple(sorted({DEFAULT, *self._values}))

    def reread(self) -> None:
        """Take what the files hold now; one that cannot be used changes nothing. Waits for the disk.

        Raises `ConfigurationError` for the first such file, when all have been read.
        """
        problems = []
        for name, path in self._files.items():
            try:
                value = _read(name, path)
            except ConfigurationError as problem:
                problems.append(problem)
                continue
            if value != self._values[name]:
                self._values[name] = value
                _log.info("the upstream key %s was read anew", name)
        if problems:
            raise problems[0]


def _read(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
        text = content.decode("ascii").strip()
    except OSError as error:
        raise ConfigurationError(
            f"--upstream-key {name}: cannot read {path}: {(error.strerror or 'unreadable').lower()}"
        ) from None
    except UnicodeDecodeError:
        text = ""
    return _usable(name, text, f" in {path}")


def _usable(name: str, value: str, where: str = "") -> str:
    if not value or len(value) > LARGEST_FILE_BYTES or not value.isascii() or not value.isprintable():
        raise ConfigurationError(
            f"--upstream-key {name}: there is no usable key{where}: put one line of text"
        )
    if " " in value:
        raise ConfigurationError(f"--upstream-key {name}: the key{where} holds a space: put the key alone")
    return value
