"""The listener's certificate and key, read again when they change."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from pulumi_groq.errors import ConfigurationError

RENEWAL_PERIOD_S: Final = 5.0
"""How often the files are looked at."""
_SHOWN_TIME: Final = "%Y-%m-%d %H:%M UTC"


class ServerCertificate:
    """A certificate with its chain, and its key, both PEM. Each new connection is to use `context`.

    Raises `ConfigurationError`, in one line without the paths, for files that no client would accept:
    unreadable, no PEM, not a pair, expired or not valid yet.
    """

    def __init__(
        self, chain: Path, key: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._chain = chain
        self._key = key
        self._now = now
        self._loaded, self.context, self.expires_at = self._load()

    def renew(self) -> bool:
        """Use what the files hold now; tells whether that is new. Waits for the disk.

        Raises `ConfigurationError` as at the start, and goes on with what was there before.
        """
        if self._contents() == self._loaded:
            self._require_valid(self.expires_at)
            return False
        self._loaded, self.context, self.expires_at = self._load()
        return True

    def _load(self) -> tuple[tuple[bytes, bytes], ssl.SSLContext, datetime]:
        contents = chain_pem, key_pem = self._contents()
        try:
            certificate = x509.load_pem_x509_certificates(chain_pem)[0]
        except ValueError:
            raise ConfigurationError("--tls-cert: it holds no certificate in PEM") from None
        self._require_valid(certificate.not_valid_after_utc)
        if self._now() < certificate.not_valid_before_utc:
            begins = certificate.not_valid_before_utc.strftime(_SHOWN_TIME)
            raise ConfigurationError(f"--tls-cert: the certificate is not valid before {begins}")
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
        except TypeError:
            raise ConfigurationError(
                "--tls-key: it is encrypted: give it without a passphrase, readable for the gateway alone"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise ConfigurationError("--tls-key: it holds no private key in PEM") from None
        if key.public_key() != certificate.public_key():
            raise ConfigurationError(
                "--tls-key: it is not the key of the first certificate of --tls-cert: the server's own comes "
                "first, then those that signed it"
            )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._chain, self._key, password="")
        except (ssl.SSLError, OSError) as failure:
            reason = failure.strerror or type(failure).__name__
            raise ConfigurationError(f"--tls-cert: it cannot be used: {reason}") from None
        return contents, context, certificate.not_valid_after_utc

    def _contents(self) -> tuple[bytes, bytes]:
        return _read("--tls-cert", self._chain), _read("--tls-key", self._key)

    def _require_valid(self, expires_at: datetime) -> None:
        if self._now() >= expires_at:
            raise ConfigurationError(
                f"--tls-cert: the certificate expired on {expires_at.strftime(_SHOWN_TIME)}: put a new "
                "one in its place"
            )


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ConfigurationError(f"{option}: it cannot be read: {failure.strerror}") from None
