"""Who is calling: a gateway key, found by the digest of its value."""

import hashlib

from pulumi_groq.gateway.http.refusal import invalid_api_key
from pulumi_groq.gateway.http.request_headers import bearer_token
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.policy.access import KeyAccess


class Credentials:
    """Finds the key of a request."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def check(self, authorization: bytes) -> KeyAccess:
        """The live key in an `Authorization` header. Raises `Refusal` 401 for anything else.

        The admin key is not a gateway key: its digest is in no directory.
        """
        key = self._directory.find(hashlib.sha256(bearer_token(authorization)).digest())
        if key is None or key.disabled:
            raise invalid_api_key()
        if key.expires_at is not None and key.expires_at <= self._clock.now():
            raise invalid_api_key()
        return key
