"""Who may use the admin plane: the holder of the admin key, and nobody else."""

import hashlib
import hmac

from starlette.types import Scope

from pulumi_groq.gateway.http.request_headers import bearer_token, read_request_headers


class AdminKey:
    """Compares what a request carries with the admin key, in a time that reveals nothing about either."""

    def __init__(self, admin_key: str) -> None:
        self._digest = hashlib.sha256(admin_key.encode()).digest()

    def opens(self, scope: Scope) -> bool:
        """Whether the request carries the admin key as its one bearer token."""
        return self.is_it(bearer_token(read_request_headers(scope).authorization))

    def is_it(self, sent: bytes) -> bool:
        """Whether this is the admin key."""
        return hmac.compare_digest(hashlib.sha256(sent).digest(), self._digest)
