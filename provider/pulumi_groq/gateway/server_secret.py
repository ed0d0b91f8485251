"""The server's secret: from the operator, or else made once and kept beside the store."""

import hmac
import os
import secrets
from pathlib import Path

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.replicas import names_of, present_replicas, put_shared_digest, shared_digest
from pulumi_groq.gateway.store.store import Store


def secret_path(database: Path) -> Path:
    """Where the secret of a store is kept when the operator gives none."""
    return database.with_name(database.name + ".secret")


def server_secret(given: str | None, database: Path) -> str:
    """`given`, or the content of `<database>.secret`, which is created (mode 0600) where missing.

    Call it while holding the store. Raises `StoreOpenError` when the file cannot be read or written.
    """
    if given is not None:
        return given
    path = secret_path(database)
    try:
        if not path.exists():
            _write_whole(path, secrets.token_urlsafe(48))
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreOpenError(f"cannot use {path}: {reason}; or set GROQ_GATEWAY_SECRET") from error
    if not secret:
        raise StoreOpenError(f"{path} is empty: put its former content back, or delete it for a new secret")
    return secret


def agree_on_secret(store: Store, secret: str) -> None:
    """Gateways on one store open what another has sealed: their secrets must be one.

    A gateway that is alone may have a new one. Raises `StoreOpenError`, and `StoreUnavailableError`.
    """
    own = store.replica
    if own is None:
        return
    digest = hmac.digest(secret.encode(), b"pulumi-groq secret of all gateways", "sha256")
    with store.write() as connection:
        if shared_digest(connection) == digest:
            return
        for name in names_of(present_replicas(connection)):
            if name != own:
                raise StoreOpenError(
                    f"the secret differs from that of the gateway {name} on the same store: give all of them "
                    "the same GROQ_GATEWAY_SECRET"
                )
        put_shared_digest(connection, digest)


def _write_whole(path: Path, content: str) -> None:
    """A crash leaves either no file or the whole one."""
    unfinished = path.with_name(path.name + ".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
