"""Who may use the admin plane: the holder of the admin key, and nobody else."""

import hashlib
import hmac

from starlette.types import Scope


class AdminKey:
    """Compares what a request carries with the admin key, in a time that tells nothing of either."""

    def __init__(self, admin_key: str) -> None:
        self._digest = hashlib.sha256(admin_key.encode()).digest()

    def opens(self, scope: Scope) -> bool:
        """Whether the request carries the admin key as its one bearer token."""
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(sent) != 1:
            return False
        scheme, _, token = sent[0].partition(b" ")
        return scheme.lower() == b"bearer" and self.is_it(token.strip())

    def is_it(self, sent: bytes) -> bool:
        """Whether this is the admin key."""
        return hmac.compare_digest(hashlib.sha256(sent).digest(), self._digest)
