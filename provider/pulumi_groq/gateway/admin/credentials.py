"""From what an admin request carries to the caller that it stands for."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Protocol

from starlette.types import Scope

from pulumi_groq.gateway.http.asgi import read_request_headers
from pulumi_groq.policy.roles import ROOT, AdminIdentity


class CredentialSource(Protocol):
    """One kind of admin credential. Called on the event loop: it answers from memory."""

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """Whom the bearer token `sent` stands for now; `None` where it is none of these, or has ended."""
        ...

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """The caller that `identify` named so earlier, with the rights that it has now; `None` once it has
        none.
        """
        ...


class RootKey:
    """GROQ_ADMIN_KEY: an owner that needs no store. Compared in a time that reveals nothing about either."""

    def __init__(self, admin_key: str) -> None:
        self._digest = hashlib.sha256(admin_key.encode()).digest()

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return ROOT if hmac.compare_digest(hashlib.sha256(sent).digest(), self._digest) else None

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """See `CredentialSource`."""
        return ROOT if (actor_id, subject) == (ROOT.actor_id, None) else None


class AdminCredentials:
    """Every kind of admin credential that this gateway takes."""

    def __init__(self, sources: Sequence[CredentialSource]) -> None:
        self._sources = sources

    def caller(self, scope: Scope) -> AdminIdentity | None:
        """Whom the request's one bearer token stands for."""
        return self.identify(read_request_headers(scope).token)

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """Whom a credential stands for."""
        for source in self._sources:
            found = source.identify(sent)
            if found is not None:
                return found
        return None

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """The caller that was named so earlier, with the rights that it has now."""
        for source in self._sources:
            found = source.recall(actor_id, subject)
            if found is not None:
                return found
        return None
