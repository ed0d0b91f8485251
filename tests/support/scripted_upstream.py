"""An upstream in a thread of the test: it answers every request with what the test last told it to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class ScriptedUpstream:
    """`answer` and `headers` go out with 200; `requests` are the paths and bodies that came in."""

    port: int = 0
    answer: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def scripted_upstream() -> Iterator[ScriptedUpstream]:
    """Serves until the block ends."""
    script = ScriptedUpstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            script.requests.append((self.path, body))
            self.send_response(200)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(script.answer)))
            self.end_headers()
            self.wfile.write(script.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
