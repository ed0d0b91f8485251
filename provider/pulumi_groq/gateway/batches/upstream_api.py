"""What the upstream is asked about files and batches, answers read whole within a limit."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from pulumi_groq.gateway.http.bodies import strict_decoder
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal
from pulumi_groq.gateway.inference.forwarder import (
    AnswerHeaders,
    answer_too_large,
    bad_answer,
    compressed_answer,
    is_permission_error,
    key_rejected,
)
from pulumi_groq.gateway.inference.upstream import Upstream, UpstreamAnswer, UpstreamCall

FILES_PATH: Final = "/openai/v1/files"
BATCHES_PATH: Final = "/openai/v1/batches"
ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024

_JSON: Final = b"application/json"


class UpstreamApi:
    """Each call raises `UpstreamError` for no answer, and `Refusal` for one that is no result: the upstream's
    own refusal of the request with its status, 502 for all else. `upstream_key` names the operator's key, in
    whose project the object is.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def upload(
        self, pieces: AsyncIterator[bytes], length_bytes: int, content_type: bytes, upstream_key: str | None
    ) -> dict[str, Any]:
        """Send a file; what the upstream says of it. Raises what `pieces` raises, too."""
        call = UpstreamCall(
            FILES_PATH, content_type, _JSON, b"", pieces, length_bytes, upstream_key=upstream_key
        )
        return await self._document(call)

    async def ask(
        self, method: str, path: str, upstream_key: str | None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON object that answers this request."""
        content = b"" if body is None else json.dumps(body).encode()
        call = UpstreamCall(path, _JSON, _JSON, b"", content, method=method, upstream_key=upstream_key)
        return await self._document(call)

    async def content(self, file_id: str, upstream_key: str | None) -> UpstreamAnswer:
        """A file, its head read; whoever asks reads it on and closes it."""
        path = f"{FILES_PATH}/{file_id}/content"
        call = UpstreamCall(
            path, b"", b"application/octet-stream", b"", b"", method="GET", upstream_key=upstream_key
        )
        answer = await self._upstream.send(call)
        try:
            if AnswerHeaders(answer.headers).is_compressed:
                raise compressed_answer()
            if answer.status != 200:
                raise _refused(answer.status, await _whole(answer), upstream_key)
        except BaseException:
            answer.close()
            raise
        return answer

    async def _document(self, call: UpstreamCall) -> dict[str, Any]:
        answer = await self._upstream.send(call)
        try:
            if AnswerHeaders(answer.headers).is_compressed:
                raise compressed_answer()
            body = await _whole(answer)
        finally:
            answer.close()
        if not 200 <= answer.status < 300:
            raise _refused(answer.status, body, call.upstream_key)
        document = _object(body)
        if document is None:
            raise bad_answer(answer.status)
        return document


async def _whole(answer: UpstreamAnswer) -> bytes:
    pieces = []
    size = 0
    while piece := await answer.next_piece():
        pieces.append(piece)
        size += len(piece)
        if size > ANSWER_LIMIT_BYTES:
            raise answer_too_large(ANSWER_LIMIT_BYTES)
    return b"".join(pieces)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = _STRICT.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


_STRICT: Final = strict_decoder(dict)
"""What is kept and shown again has to be JSON for whoever reads it next: a store, and clients."""


def _refused(status: int, body: bytes, upstream_key: str | None) -> Refusal:
    if status == 401 or (status == 403 and not is_permission_error(body)):
        return key_rejected(status, upstream_key)
    if not 400 <= status < 600:
        return bad_answer(status)
    error = (_object(body) or {}).get("error")
    stated = error if isinstance(error, dict) else {}
    code = stated.get("code")
    return Refusal(
        status,
        str(stated.get("type") or INVALID_REQUEST)[:100],
        str(stated.get("message") or "The upstream refused the request."),
        reason="upstream_refused",
        code=code[:100] if isinstance(code, str) else None,
    )
