"""One line for every admin request: whoever looks into an incident must know what changed, and when."""

import logging
import time
from collections.abc import Callable
from typing import Final

from starlette.types import Scope

# Read by `gateway.logs.LineFormatter`.
_FIELDS: Final = "fields"


class AdminLog:
    """Times one request from its construction and writes its line; never a query, a header or a body.

    An id or name from the path is written only if it was found: one that was not may be a key's value
    sent to the wrong place.
    """

    def __init__(
        self, request_id: str, scope: Scope, monotonic: Callable[[], float] = time.perf_counter
    ) -> None:
        self._request_id = request_id
        self._scope = scope
        self._monotonic = monotonic
        self._started_s = monotonic()
        self.status: int | None = None

    def write(self) -> None:
        """At INFO, at WARNING where the gateway failed; without a status when the client was gone."""
        fields = {
            "request_id": self._request_id,
            "method": self._scope["method"][:16],
            "route": getattr(self._scope.get("route"), "path", "-"),
            "object": self._found() or "-",
            "status": self.status or "-",
            "ms": round((self._monotonic() - self._started_s) * 1000, 1),
        }
        level = logging.WARNING if (self.status or 0) >= 500 else logging.INFO
        logging.getLogger(__name__).log(level, "admin request", extra={_FIELDS: fields})

    def _found(self) -> str:
        found = self.status is not None and self.status < 400
        return " ".join(self._scope.get("path_params", {}).values()) if found else ""
