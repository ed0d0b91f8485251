"""One line a request, for people (text) or machines (json). Never a key, a prompt or an answer."""

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

from pulumi_groq.gateway.inference.record import RequestRecord

ROOT: Final = "pulumi_groq.gateway"
_FIELDS: Final = "fields"
BATCH_S: Final = 0.1

LogFormat = Literal["text", "json"]


class LineFormatter(logging.Formatter):
    """Formats any record of the gateway as one line; line ends inside a message are escaped."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self._json = log_format == "json"

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = getattr(record, _FIELDS, {})
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        if self._json:
            return json.dumps(
                {"time": at, "level": record.levelname.lower(), "message": message, **fields}, default=str
            )
        pairs = "".join([f" {name}={value}" for name, value in fields.items()])
        line = f"{at} {record.levelname.lower()} {message}{pairs}"
        return line.replace("\r", "\\r").replace("\n", "\\n")


class BatchingHandler(logging.Handler):
    """Writes lines together, at most `BATCH_S` after the first of them; from WARNING on at once.

    Lines are written at once, too, where no event loop runs; what waits when the process ends is
    written by `logging.shutdown`. Only a killed process loses the lines of its last `BATCH_S`.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record until the batch is written."""
        self._lines.append(self.format(record))
        if record.levelno >= logging.WARNING:
            self.flush()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(BATCH_S, self.flush)
            except RuntimeError:  # no loop runs here
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._lines:
                lines, self._lines = self._lines, []
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            pass  # nobody reads the log any more: requests go on without it
        finally:
            self.release()


def set_up_logs(log_format: LogFormat, stream: TextIO) -> None:
    """Sends the gateway's log lines to `stream`, and nowhere else."""
    handler = BatchingHandler(stream)
    handler.setFormatter(LineFormatter(log_format))
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


_USUAL: Final = vars(logging.LogRecord("", 0, "", 0, "request", (), None))


class _RequestLine(logging.LogRecord):
    """Only what a handler reads: the usual record also looks for thread, process and calling line."""

    def __init__(self, name: str, level: int, fields: dict[str, Any]) -> None:
        self.__dict__.update(
            _USUAL, name=name, levelno=level, levelname=logging.getLevelName(level), created=time.time()
        )
        self.__dict__[_FIELDS] = fields


class RequestLog:
    """Writes the line of each request."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(f"{ROOT}.request")

    def observe(self, record: RequestRecord) -> None:
        """At INFO; at WARNING where the upstream or the gateway failed."""
        level = logging.WARNING if record.status >= 500 else logging.INFO
        if not self._logger.isEnabledFor(level):
            return
        fields = {
            "request_id": record.request_id,
            "key_id": record.key_id or "-",
            "method": record.method,
            "route": record.route,
            "model": record.model or "-",
            "status": record.status,
            "reason": record.reason or "-",
            "tokens": record.prompt_tokens + record.completion_tokens,
            "cost_micro_usd": record.cost_micro_usd,
            "ms": round(record.total_s * 1000, 1),
            "upstream_request_id": record.upstream_request_id or "-",
        }
        self._logger.handle(_RequestLine(self._logger.name, level, fields))
