"""One line a request, for people (text) or machines (json). Never a key, a prompt or an answer."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

from pulumi_groq.gateway.inference.record import RequestRecord

ROOT: Final = "pulumi_groq.gateway"
_FIELDS: Final = "fields"

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
        pairs = "".join(f" {name}={value}" for name, value in fields.items())
        line = f"{at} {record.levelname.lower()} {message}{pairs}"
        return line.replace("\r", "\\r").replace("\n", "\\n")


def set_up_logs(log_format: LogFormat, stream: TextIO) -> None:
    """Sends the gateway's log lines to `stream`, and nowhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(log_format))
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


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
        # Made by hand: the logger would look for the calling line, which is always this one.
        line = logging.LogRecord(self._logger.name, level, "", 0, "request", (), None)
        line.__dict__[_FIELDS] = fields
        self._logger.handle(line)
