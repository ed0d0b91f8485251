"""A small OIDC issuer on this machine: real documents over real HTTP, real tokens signed with a real key."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"
AUDIENCE = "https://groq.example.com"
SUBJECT = "repo:acme/infra:ref:refs/heads/main"


def _new_key(key_id: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"})


@cache
def _first_key() -> RSAKey:
    """The same for every issuer of a process: to make one takes longer than a test."""
    return _new_key("key-1")


class OidcIssuer:
    """Signs tokens and publishes its keys at `url`. `answers` overrides what a path answers: status, body."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.keys: list[RSAKey | ECKey] = [_first_key()]

    def rotate(self, key_id: str) -> None:
        """Sign with a new key from now on, and publish only that one."""
        self.keys = [_new_key(key_id)]

    def token(self, now: datetime, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token that is good for ten minutes from `now`; a claim given as None is left out."""
        issued_s = int(now.timestamp())
        stated = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "iat": issued_s,
            "nbf": issued_s,
            "exp": issued_s + 600,
            **claims,
        }
        kept = {name: value for name, value in stated.items() if value is not None}
        key = self.keys[0]
        return jwt.encode(
            {"alg": "RS256", "kid": key.kid, **(header or {})}, kept, key, ["RS256", "PS256", "ES256"]
        )

    def answer(self, path: str) -> tuple[int, bytes]:
        """What the issuer publishes at `path`."""
        self.asked.append(path)
        published = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": self.url + JWKS},
            JWKS: {"keys": [key.as_dict(private=False) for key in self.keys]},
        }
        if path in self.answers:
            return self.answers[path]
        if path not in published:
            return 404, b"{}"
        return 200, json.dumps(published[path]).encode()


@contextmanager
def oidc_issuer() -> Iterator[OidcIssuer]:
    """An issuer that serves until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = issuer.answer(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # the gateway has read enough

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = OidcIssuer(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
