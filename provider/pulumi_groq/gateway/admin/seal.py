"""Seals what must be kept for a while without being readable in the store."""

import base64
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class BrokenSealError(Exception):
    """What was sealed cannot be opened with this secret."""


class Seal:
    """Fernet under a key derived from the server's secret."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"pulumi-groq idempotent answers v1")
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))

    def close(self, content: bytes, now: datetime) -> bytes:
        """`content`, sealed."""
        return self._fernet.encrypt_at_time(content, int(now.timestamp()))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `BrokenSealError` when it was sealed with another secret."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise BrokenSealError from error
