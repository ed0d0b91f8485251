"""From a token of an issuer to a credential of a workload identity: which identity, and whether at all."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pulumi_groq.gateway.identity.credentials import Credentials
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.identity.exchange_log import Attempt, ExchangeLog
from pulumi_groq.gateway.identity.verifier import TokenRefusedError, TokenVerifier, VerifiedToken
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.identities import IdentityRecord, SubjectRecord, add_subject
from pulumi_groq.gateway.store.schema import is_text
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.claims import unfit_claims

MOST_SUBJECTS: Final = 1_000
"""Of one identity whose usage is told apart; further ones are booked under the identity itself."""

Judge = Callable[[VerifiedToken], None]
"""Raises `TokenRefusedError` for a genuine token that is not for the request at hand."""

BODY_HASH: Final = "body_hash"
"""The claim that binds a token to the body of one request, so that it must open nothing else."""

LONGEST_SUBJECT: Final = 1_024
_MOST_KNOWN: Final = 100_000
_LONGEST_LABEL: Final = 128
_log = logging.getLogger(__name__)


class AmbiguousIdentityError(Exception):
    """Several identities accept the token, and the request names none of them."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A credential, as which identity, for whom, and how many seconds it lives."""

    credential: str = field(repr=False)
    identity: IdentityRecord
    subject: str
    lifetime_s: int


class TokenExchange:
    """Exchanges tokens. All of it belongs to the event loop, but for the store's part."""

    def __init__(
        self,
        *,
        verifier: TokenVerifier,
        identities: IdentityDirectory,
        credentials: Credentials,
        store: Store,
        log: ExchangeLog,
        clock: Clock,
    ) -> None:
        self._verifier = verifier
        self._identities = identities
        self._credentials = credentials
        self._store = store
        self._exchanges = log
        self._clock = clock
        self._booked_as: dict[str, str] = {}

    async def exchange(self, token: str, name: str | None, attempt: Attempt) -> Exchanged:
        """A credential of the identity `name`, without a name of the only one that accepts the token.

        Raises what `identify` does, and `StoreUnavailableError` where a new subject, or who is given a role,
        cannot be written down.
        """
        record, verified = await self.identify(token, name, attempt, _require_unbound)
        await self._exchanges.granted(attempt, record, verified.subject)
        booked_as = record.id if record.admin_role else await self._book(record, verified.subject)
        credential, lifetime_s = self._credentials.issue(record, verified.subject, booked_as)
        return Exchanged(credential, record, verified.subject, lifetime_s)

    async def identify(
        self, token: str, name: str | None, attempt: Attempt, judge: Judge
    ) -> tuple[IdentityRecord, VerifiedToken]:
        """The identity `name`, without a name the only one that accepts the token, which `judge` judges too.

        Raises `TokenRefusedError`, `AmbiguousIdentityError`, and `IssuerUnreachableError`.
        """
        try:
            verified = await self._verifier.verify(token, self._identities.trusted)
            if len(verified.subject) > LONGEST_SUBJECT:
                raise TokenRefusedError(f"its subject is longer than {LONGEST_SUBJECT} characters")
            if not is_text(verified.subject):
                raise TokenRefusedError("its subject is no text that could be written down")
            judge(verified)
            return self._accepting(verified, name), verified
        except TokenRefusedError as refused:
            await self._exchanges.refused(attempt, str(refused), refused.subject)
            raise
        except AmbiguousIdentityError:
            why = "several workload identities accept it, and none is named"
            await self._exchanges.refused(attempt, why, verified.subject)
            raise

    def _accepting(self, verified: VerifiedToken, name: str | None) -> IdentityRecord:
        trusting = [
            record
            for record in self._identities.all()
            if record.issuer == verified.issuer
            and record.audience in verified.audiences
            and name in (None, record.name)
        ]
        accepting = []
        for record in trusting:
            unfit = unfit_claims(verified.claims, record.claims, record.claim_patterns)
            if not unfit:
                accepting.append(record)
            else:
                _log.info("workload identity %s does not fit a token: %s", record.id, ", ".join(unfit))
        if not accepting:
            raise TokenRefusedError("no workload identity accepts its claims", verified.subject)
        if len(accepting) > 1:
            raise AmbiguousIdentityError
        return accepting[0]

    async def _book(self, record: IdentityRecord, subject: str) -> str:
        digest = hashlib.sha256(f"{record.id}\0{subject}".encode()).hexdigest()
        subject_id = f"wis_{digest[:40]}"
        known = self._booked_as.get(subject_id)
        if known is not None:
            return known
        label = _label(record.name, subject)
        added = SubjectRecord(subject_id, record.id, label, record.team, self._clock.now())
        told_apart = await asyncio.to_thread(self._add, added, record.name)
        if len(self._booked_as) >= _MOST_KNOWN:
            self._booked_as.clear()
        self._booked_as[subject_id] = subject_id if told_apart else record.id
        return self._booked_as[subject_id]

    def _add(self, subject: SubjectRecord, identity_name: str) -> bool:
        with self._store.write() as connection:
            if add_subject(connection, subject, MOST_SUBJECTS):
                return True
            rest = replace(subject, id=subject.identity_id, name=_label(identity_name, "further subjects"))
            add_subject(connection, rest, MOST_SUBJECTS + 1)
            return False


def _require_unbound(verified: VerifiedToken) -> None:
    if BODY_HASH in verified.claims:
        raise TokenRefusedError("it was signed for one request alone", verified.subject)


def _label(name: str, subject: str) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in subject).strip()
    label = f"{name}: {printable}"
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
