"""Asks the upstream for a stream's usage, changing the body as little as possible."""

import json
from typing import Final

from pulumi_groq.gateway.inference.json_body import JsonObject

_ASKED: Final = b'{"stream_options":{"include_usage":true},'


def with_usage_requested(body: bytes, fields: JsonObject) -> bytes:
    """`body` with `stream_options.include_usage` true; all other bytes stay as they are where
    `stream_options` is absent. `fields` is the same body, parsed, and never empty.
    """
    if "stream_options" not in fields:
        return _ASKED + body[body.index(b"{") + 1 :]
    options = fields["stream_options"] or {}
    asked = {**fields, "stream_options": {**options, "include_usage": True}}
    return json.dumps(asked, separators=(",", ":")).encode()
