"""An upstream in a thread of the test that serves files and batches over HTTP, and outlives the gateway."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.echo.batches import EchoBatches, EchoMissingError


@dataclass
class BatchUpstream:
    """`echo` has what was sent; `is_deaf`: creates a batch and closes the connection without an answer."""

    echo: EchoBatches
    url: str = ""
    is_deaf: bool = False


def completion(body: bytes) -> dict[str, Any]:
    """A short answer, with a usage that depends on nothing."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": json.loads(body)["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


@contextmanager
def batch_upstream() -> Iterator[BatchUpstream]:
    """Serves until the block ends."""
    upstream = BatchUpstream(EchoBatches(completion, lambda: 1_800_000_000))
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))  # fewer: broken off
            content_type = (self.headers.get("content-type") or "").encode()
            status = 200
            with one_at_a_time:
                try:
                    answer = upstream.echo.answer(self.command, self.path, body, content_type)
                except Refusal:  # an upload that the gateway broke off
                    self.close_connection = True
                    return
                except EchoMissingError as missing:
                    status, answer = (
                        404,
                        {"error": {"message": str(missing), "type": "invalid_request_error"}},
                    )
            if upstream.is_deaf and self.command == "POST" and self.path.endswith("/batches"):
                self.close_connection = True
                return
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _serve  # noqa: N815  http.server's names
        do_POST = _serve  # noqa: N815
        do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
