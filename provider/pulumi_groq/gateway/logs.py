"""One line for each request, for people (text) or machines (json). Never a key, a prompt or an answer."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from threading import RLock
from typing import Final, Literal, TextIO

from pulumi_groq.gateway.inference.record import RequestRecord

ROOT: Final = "pulumi_groq.gateway"
_FIELDS: Final = "fields"
BATCH_S: Final = 0.1

LogFormat = Literal["text", "json"]


Fields = tuple[object, ...]
"""The values of a line's fields, in the order of their names."""

_encode: Final = json.JSONEncoder(default=str).encode


def _text_line(at_s: float, level: int, message: str, names: tuple[str, ...], values: Fields) -> str:
    line = f"{_time(at_s)} {_level(level)} {message}{_pairs(names) % values}"
    return line.replace("\r", "\\r").replace("\n", "\\n")


def _json_line(at_s: float, level: int, message: str, names: tuple[str, ...], values: Fields) -> str:
    fields = dict(zip(names, values, strict=True))
    return _encode({"time": _time(at_s), "level": _level(level), "message": message, **fields})


_LINES: Final = {"text": _text_line, "json": _json_line}


@cache  # there are but two kinds of lines with fields
def _pairs(names: tuple[str, ...]) -> str:
    return "".join([f" {name}=%s" for name in names])


def _time(at_s: float) -> str:
    whole_s = int(at_s)
    return f"{_second(whole_s)}.{int((at_s - whole_s) * 1000):03d}+00:00"


@lru_cache(maxsize=1)  # a second has many lines
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@cache
def _level(level: int) -> str:
    return logging.getLevelName(level).lower()


def json_line_of_error(message: str) -> str:
    """The line of what ends the process, for machines."""
    return _json_line(time.time(), logging.ERROR, message, (), ())


class LineFormatter(logging.Formatter):
    """Formats any record of the gateway as one line; line ends inside a message are escaped."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._line = _LINES[log_format]

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        fields: Mapping[str, object] = getattr(record, _FIELDS, {})
        return self._line(record.created, record.levelno, message, tuple(fields), tuple(fields.values()))


class BatchingHandler(logging.Handler):
    """Writes lines together, at most `BATCH_S` after the first of them; from WARNING on at once.

    They are written at once, too, where no event loop runs; what waits when the process ends is written
    by `logging.shutdown`. Only a killed process loses the lines of its last `BATCH_S`.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._writing = RLock()
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record until the batch is written."""
        self.add(record.levelno, self.format(record))

    def add(self, level: int, line: str) -> None:
        """Keep a line until the batch is written."""
        with self._writing:
            self._lines.append(line)
            if level >= logging.WARNING:
                self.flush()
            elif self._timer is None:
                try:
                    self._timer = asyncio.get_running_loop().call_later(BATCH_S, self.flush)
                except RuntimeError:  # no loop runs here
                    self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            lines, self._lines = self._lines, []
            if lines:
                try:
                    self._stream.write("\n".join(lines) + "\n")
                    self._stream.flush()
                except (OSError, ValueError):
                    pass  # nobody reads the log any more: requests go on without it


_REQUEST_FIELDS: Final = (
    "request_id",
    "key_id",
    "method",
    "route",
    "model",
    "status",
    "reason",
    "tokens",
    "cost_micro_usd",
    "ms",
    "upstream_request_id",
)


class RequestLog:
    """Writes the line of each request, without a record of `logging`: that would cost more than the line."""

    def __init__(self, batch: BatchingHandler, log_format: LogFormat) -> None:
        self._batch = batch
        self._line = _LINES[log_format]
        self._logger = logging.getLogger(f"{ROOT}.request")

    def observe(self, record: RequestRecord) -> None:
        """At INFO; at WARNING where the upstream or the gateway failed."""
        level = logging.WARNING if record.status >= 500 else logging.INFO
        if not self._logger.isEnabledFor(level):
            return
        values = (
            record.request_id,
            record.key_id or "-",
            record.method,
            record.route,
            record.model or "-",
            record.status,
            record.reason or "-",
            record.prompt_tokens + record.completion_tokens,
            record.cost_micro_usd,
            round(record.total_s * 1000, 1),
            record.upstream_request_id or "-",
        )
        self._batch.add(level, self._line(time.time(), level, "request", _REQUEST_FIELDS, values))


def set_up_logs(log_format: LogFormat, stream: TextIO) -> RequestLog:
    """Sends the gateway's log lines to `stream`, and nowhere else; returns what writes those of requests."""
    batch = BatchingHandler(stream)
    batch.setFormatter(LineFormatter(log_format))
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [batch]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return RequestLog(batch, log_format)
