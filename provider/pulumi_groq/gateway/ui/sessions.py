"""Who is signed in at the page."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from random import Random
from typing import Final, NamedTuple

from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.ended_sessions import EndedSession
from pulumi_groq.policy.roles import AdminIdentity

LIFETIME_S: Final = 3600
_TOKEN: Final = re.compile(r"([0-9]{1,12})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{1,1500})\.([0-9a-f]{64})")
_PURPOSE: Final = b"pulumi-groq ui sessions v2"


class Visitor(NamedTuple):
    """Who signed in, as `AdminCredentials.recall` takes it: the rights are looked up each time."""

    actor_id: str
    subject: str | None


class Sessions:
    """Issues and checks tokens. Another server secret or admin key makes all of them invalid.

    `random` must be the system's. What was ended is remembered until it would have expired anyway; in the
    store, so that it is ended at every gateway.
    """

    def __init__(self, secret: str, admin_key: str, clock: Clock, random: Random) -> None:
        bound_to = _PURPOSE + hashlib.sha256(admin_key.encode()).digest()
        self._key = hmac.digest(secret.encode(), bound_to, "sha256")
        self._clock = clock
        self._random = random
        self._signed_out: dict[str, int] = {}

    def begin(self, identity: AdminIdentity) -> str:
        """A token that is good for an hour, or as long as the caller's credential."""
        ends_s = self._now_s() + LIFETIME_S
        if identity.expires_at is not None:
            ends_s = min(ends_s, int(identity.expires_at.timestamp()))
        who = base64.urlsafe_b64encode(json.dumps([identity.actor_id, identity.subject]).encode())
        session = f"{ends_s}.{self._random.getrandbits(128):032x}.{who.decode().rstrip('=')}"
        return f"{session}.{self._signature(session)}"

    def visitor(self, token: str) -> Visitor | None:
        """Whose session it is; `None` where it was not issued here, has expired or was signed out."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        ends_s, nonce, who, signature = found.groups()
        genuine = hmac.compare_digest(signature, self._signature(f"{ends_s}.{nonce}.{who}"))
        if not genuine or self._now_s() >= int(ends_s) or nonce in self._signed_out:
            return None
        return Visitor(*json.loads(base64.urlsafe_b64decode(who + "=" * (-len(who) % 4))))

    def end(self, token: str) -> EndedSession | None:
        """Sign out: the token opens nothing here from now on; gives what the store is to remember."""
        if self.visitor(token) is None:
            return None
        ends_s, nonce, *_ = token.split(".")
        ended = EndedSession(nonce, int(ends_s))
        self.ended([ended])
        return ended

    def ended(self, sessions: Iterable[EndedSession]) -> None:
        """These were ended, here or at another gateway."""
        now_s = self._now_s()
        kept = {nonce: until for nonce, until in self._signed_out.items() if until > now_s}
        self._signed_out = kept | {each.nonce: each.ends_s for each in sessions}

    def _signature(self, session: str) -> str:
        return hmac.digest(self._key, session.encode(), "sha256").hex()

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())
