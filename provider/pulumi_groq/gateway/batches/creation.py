"""The body that creates a batch, judged; and how a batch is shown to its key."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pulumi_groq.gateway.batches.lines import ENDPOINT
from pulumi_groq.gateway.http.refusal import bad_request
from pulumi_groq.gateway.inference.call_fields import read_json_object
from pulumi_groq.gateway.store.batches import BatchRecord

TAG: Final = "gateway_request_id"
"""In the metadata at the upstream: tells a batch whose creation was not answered from all others."""

MOST_METADATA: Final = 15
"""The upstream takes 16 pairs (https://platform.openai.com/docs/api-reference/batch): one is ours."""

_KEYS: Final = frozenset({"input_file_id", "endpoint", "completion_window", "metadata"})
_WINDOW: Final = re.compile(r"([1-9][0-9]{0,2})([hd])")
_LIMIT: Final = re.compile(r"[1-9][0-9]?|100")
_HOURS: Final = range(24, 7 * 24 + 1)
ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Of files and batches: it goes into paths."""


class Creation(NamedTuple):
    """What a caller asks for."""

    input_file_id: str
    completion_window: str
    metadata: Mapping[str, str]

    def at_upstream(self, request_id: str) -> dict[str, Any]:
        """The body for the upstream."""
        return {
            "input_file_id": self.input_file_id,
            "endpoint": ENDPOINT,
            "completion_window": self.completion_window,
            "metadata": {**self.metadata, TAG: request_id},
        }


def read_creation(body: bytes) -> Creation:
    """Raises `Refusal` 400 that names the field."""
    fields = read_json_object(body)
    for name in fields.keys() - _KEYS:
        raise bad_request(f"{name[:100]} is no field of a batch.", param=name)
    file_id, window = fields.get("input_file_id"), fields.get("completion_window")
    if not isinstance(file_id, str) or not ID.fullmatch(file_id):
        raise bad_request("input_file_id must be the id of an uploaded file.", param="input_file_id")
    if fields.get("endpoint") != ENDPOINT:
        raise bad_request(f"endpoint must be {ENDPOINT}.", param="endpoint")
    match = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    if match is None or int(match[1]) * (24 if match[2] == "d" else 1) not in _HOURS:
        raise bad_request(
            "completion_window must be from 24h to 7d, such as 24h or 3d.", param="completion_window"
        )
    return Creation(file_id, match[0], _metadata(fields.get("metadata")))


def _metadata(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if (
        not isinstance(value, dict)
        or len(value) > MOST_METADATA
        or TAG in value
        or not all(isinstance(each, str) and len(each) <= 512 for each in value.values())
        or not all(0 < len(name) <= 64 for name in value)
    ):
        raise bad_request(
            f"metadata must have at most {MOST_METADATA} pairs of texts, names of 1 to 64 and values of at "
            f"most 512 characters, and no {TAG}.",
            param="metadata",
        )
    return dict(value)


OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""The states after which nothing changes (the groq client's types)."""


def is_over(document: Mapping[str, Any]) -> bool:
    """Whether the upstream is through with the batch of this document."""
    status = document.get("status")
    return isinstance(status, str) and status in OVER


def shown(record: BatchRecord) -> dict[str, Any]:
    """The upstream's document of a batch without the tag. While its results were not read yet it is not over:
    whoever waits for that asks for them next.
    """
    document, metadata = record.document, record.document.get("metadata")
    own = {name: each for name, each in metadata.items() if name != TAG} if isinstance(metadata, dict) else {}
    unread: dict[str, Any] = {}
    if is_over(document) and not record.is_settled:
        unread = dict.fromkeys((f"{document['status']}_at", "output_file_id", "error_file_id"))
        unread["status"] = "finalizing"
    return {**document, "metadata": own or None, **unread}


class Cursor(NamedTuple):
    """Which page of a list is asked for: up to `limit` objects behind the one with the id `after`."""

    limit: int
    after: str | None


def read_cursor(query: bytes) -> Cursor:
    """`limit` (1 to 100, which is the default) and `after`, all that the clients ask for. Raises `Refusal`
    400.
    """
    parameters = dict(pair.split("=", 1) for pair in query.decode("latin-1").split("&") if "=" in pair)
    limit = parameters.get("limit", "100")
    if not _LIMIT.fullmatch(limit):
        raise bad_request("limit must be from 1 to 100.", param="limit")
    return Cursor(int(limit), parameters.get("after"))


def page(cursor: Cursor, documents: list[dict[str, Any]] | None) -> bytes:
    """A page of a list, newest first, of the `limit` documents behind `after` and one more, if there is one.
    Raises `Refusal` 400 where there was no `after`.
    """
    if documents is None:
        raise bad_request("after must be the id of one of the listed objects.", param="after")
    data = documents[: cursor.limit]
    return encoded(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": len(documents) > cursor.limit,
        }
    )


def encoded(document: Mapping[str, Any]) -> bytes:
    """As JSON."""
    return json.dumps(document, separators=(",", ":")).encode()
