"""The credentials that tokens are exchanged for: sealed, so that nothing of them is stored."""

import base64
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.key_values import CREDENTIAL_PREFIX
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.roles import AdminIdentity

MOST_REMEMBERED: Final = 10_000
LONGEST_CREDENTIAL: Final = 8_192
_PREFIX: Final = CREDENTIAL_PREFIX.encode()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a credential says: as which identity, under which trust, for whom, until when.

    Usage is booked under `booked_as`: the subject's id, or the identity's own where it has too many.
    """

    identity_id: str
    trust: str
    subject: str
    booked_as: str
    expires_at: datetime


class _Access(NamedTuple):
    """What a subject may do on the inference plane, made from `base`."""

    base: KeyAccess
    key: KeyAccess


class Credentials:
    """Issues credentials and finds what they stand for now. All of it belongs to the event loop.

    A credential dies with its time, with its identity, and when the identity trusts other tokens than
    before. Another server secret ends all of them.
    """

    def __init__(self, secret: str, identities: IdentityDirectory, clock: Clock) -> None:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"pulumi-groq workload credentials v1")
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
        self._identities = identities
        self._clock = clock
        self._opened: OrderedDict[bytes, Grant] = OrderedDict()
        self._accesses: OrderedDict[str, _Access] = OrderedDict()

    def issue(self, record: IdentityRecord, subject: str, booked_as: str) -> tuple[str, int]:
        """A credential and how many seconds it lives."""
        now_s = int(self._clock.now().timestamp())
        lifetime_s = int(timedelta(minutes=record.credential_minutes).total_seconds())
        content = [record.id, trust_of(record), subject, booked_as, now_s + lifetime_s]
        sealed = self._fernet.encrypt_at_time(json.dumps(content).encode(), now_s)
        return CREDENTIAL_PREFIX + sealed.decode().rstrip("="), lifetime_s

    def identify(self, sent: bytes) -> AdminIdentity | None:
        """See `CredentialSource`."""
        found = self._live(sent)
        if found is None:
            return None
        record, grant = found
        return admin_identity(record, grant.subject, grant.expires_at)

    def recall(self, actor_id: str, subject: str | None) -> AdminIdentity | None:
        """See `CredentialSource`."""
        record = self._identities.by_id(actor_id)
        return None if record is None or subject is None else admin_identity(record, subject, None)

    def access(self, sent: bytes) -> KeyAccess | None:
        """What the credential may do on the inference plane; `None` where it is none, or has ended.

        Its rate limits and its budget are the identity's; usage is the subject's.
        """
        found = self._live(sent)
        base = None if found is None else self._identities.inference_access(found[0].id)
        if found is None or base is None:
            return None
        booked_as = found[1].booked_as
        kept = self._accesses.get(booked_as)
        if kept is None or kept.base is not base:
            kept = _Access(base, replace(base, key_id=booked_as))
            self._accesses[booked_as] = kept
            if len(self._accesses) > MOST_REMEMBERED:
                self._accesses.popitem(last=False)
        return kept.key

    def _live(self, sent: bytes) -> tuple[IdentityRecord, Grant] | None:
        if not sent.startswith(_PREFIX) or len(sent) > LONGEST_CREDENTIAL:
            return None
        grant = self._open(sent)
        record = None if grant is None else self._identities.by_id(grant.identity_id)
        if grant is None or record is None:
            return None
        in_time = self._clock.now() < grant.expires_at
        return (record, grant) if in_time and grant.trust == trust_of(record) else None

    def _open(self, sent: bytes) -> Grant | None:
        digest = hashlib.sha256(sent).digest()
        known = self._opened.get(digest)
        if known is not None:
            return known
        sealed = sent.removeprefix(_PREFIX)
        try:
            content = json.loads(self._fernet.decrypt(sealed + b"=" * (-len(sealed) % 4)))
        except InvalidToken:
            return None
        identity_id, trust, subject, booked_as, expires_s = content
        grant = Grant(identity_id, trust, subject, booked_as, datetime.fromtimestamp(expires_s, UTC))
        self._opened[digest] = grant
        if len(self._opened) > MOST_REMEMBERED:
            self._opened.popitem(last=False)
        return grant


def trust_of(record: IdentityRecord) -> str:
    """A digest of what decides which tokens the identity trusts."""
    patterns = dict(record.claim_patterns)
    trusted = json.dumps([record.issuer, record.audience, dict(record.claims), patterns], sort_keys=True)
    return hashlib.sha256(trusted.encode()).hexdigest()[:32]


def admin_identity(record: IdentityRecord, subject: str, expires_at: datetime | None) -> AdminIdentity | None:
    """Whoever acts as the identity on the admin plane; `None` where it has no role there."""
    if record.admin_role is None:
        return None
    return AdminIdentity(
        actor_id=record.id,
        role=record.admin_role,
        teams=frozenset(record.role_teams) if record.role_teams else None,
        subject=subject,
        expires_at=expires_at,
    )
