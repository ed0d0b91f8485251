"""The upstream's failures as the caller sees them: never as the caller's own fault."""

import json
import logging

from pulumi_groq.gateway.http.refusal import PERMISSIONS, SERVER, Refusal
from pulumi_groq.gateway.inference.upstream import UpstreamError, UpstreamTimeoutError

_log = logging.getLogger("pulumi_groq.gateway.upstream")


def no_answer(failure: UpstreamError) -> Refusal:
    """504 `upstream_timeout` or 502 `upstream_unreachable`."""
    _log.warning("the upstream failed: %s", failure)
    if isinstance(failure, UpstreamTimeoutError):
        return _trouble(504, "upstream_timeout", "The upstream did not answer in time. Try again later.")
    return _trouble(502, "upstream_unreachable", "The upstream could not be reached. Try again later.")


def bad_answer(status: int) -> Refusal:
    """502 for an answer that is neither a result nor an error: a redirect, for one."""
    _log.error("the upstream answered %d, which is no API's answer; check --upstream", status)
    return _trouble(502, "upstream_bad_answer", "The upstream's answer could not be used. Tell the operator.")


def compressed_answer() -> Refusal:
    """502 for an answer that is compressed though `identity` was asked for. It is not decoded: what a few
    bytes grow to has no bound, and without its header no client could read it.
    """
    _log.error("the upstream's answer is compressed, though it was asked for a plain one")
    return _trouble(502, "upstream_bad_answer", "The upstream's answer could not be used. Tell the operator.")


def answer_too_large(limit_bytes: int) -> Refusal:
    """502 for a JSON answer above the gateway's limit."""
    _log.error("the upstream's answer is larger than %d bytes", limit_bytes)
    return _trouble(502, "upstream_answer_too_large", f"The answer is larger than {limit_bytes} bytes.")


def key_rejected(status: int) -> Refusal:
    """502 `upstream_key_rejected`: the operator's key is at fault, so the caller's is not blamed."""
    _log.error("the upstream rejected the gateway's own key with %d: set a valid GROQ_API_KEY", status)
    return _trouble(
        502,
        "upstream_key_rejected",
        "The upstream rejected the gateway's own key. Your key is fine; tell the operator.",
    )


def is_permission_error(body: bytes) -> bool:
    """Whether a 403 is Groq's answer about a model, rather than about the key."""
    try:
        error = json.loads(body)["error"]
        return bool(error["type"] == PERMISSIONS)
    except (ValueError, RecursionError, KeyError, TypeError):
        return False


def broken_stream_frame(request_id: str, refusal: Refusal) -> bytes:
    """The last event of a stream that broke off: an error that both official clients raise."""
    error = refusal.detail.model_dump(exclude_none=True)
    data = {"error": error, "x_groq": {"id": request_id, "error": refusal.detail.message}}
    return b"event: error\ndata: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def _trouble(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, SERVER, message, reason=code, code=code)
