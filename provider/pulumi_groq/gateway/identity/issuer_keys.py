"""The public keys of issuers: found by OIDC discovery, kept for a while, fetched again when they rotate."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from pulumi_groq.gateway.identity.issuer_documents import Documents, IssuerUnreachableError
from pulumi_groq.gateway.protocols import Clock

FRESH_S: Final = 600
"""How long keys are used without asking the issuer again."""

STALE_S: Final = 6 * 3600
"""How long keys are used while the issuer cannot be reached."""

REFETCH_S: Final = 30
"""How often an issuer is asked at most: for a key id that is unknown, and after a failure."""

MOST_ISSUERS: Final = 200
MOST_KEYS: Final = 100
DISCOVERY_BYTES: Final = 64 * 1024
KEYS_BYTES: Final = 256 * 1024
SMALLEST_RSA_BITS: Final = 2048

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"

KEYS_ELSEWHERE: Final[Mapping[str, str]] = {
    "https://api.pulumi.com": "https://api.pulumi.com/oidc/.well-known/jwks"
}
"""Issuers that sign by a name below which they document no discovery, and where they document their keys:
Pulumi ESC's external adapters, https://www.pulumi.com/docs/esc/integrations/dynamic-secrets/external/.
"""

PublicKey = RSAKey | ECKey


@dataclass(slots=True)
class _Known:
    """What is known of one issuer. Times are Unix seconds; one fetch runs at a time."""

    keys: tuple[PublicKey, ...] = ()
    fetched_s: float = float("-inf")
    asked_s: float = float("-inf")
    failure: str = "it was not asked yet"
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuerKeys:
    """Keys by issuer, of the `MOST_ISSUERS` that were asked for last. All of it belongs to the event loop.

    Ask only for issuers that an administrator has declared: each is fetched from.
    """

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def find(self, issuer: str, key_id: str | None) -> PublicKey | None:
        """The issuer's key with this id, without an id its only key; `None` where there is none.

        Raises `IssuerUnreachableError` when the issuer's keys are needed and cannot be had.
        """
        known = self._of(issuer)
        if self._age_s(known) < FRESH_S:
            found = _by_id(known.keys, key_id)
            if found is not None:
                return found
        async with known.one_at_a_time:
            # Those that waited here find what the first of them fetched, or that it was just asked.
            if self._now_s() - known.asked_s >= REFETCH_S:
                await self._ask(issuer, known)
        if self._age_s(known) >= STALE_S:
            raise IssuerUnreachableError(known.failure)
        return _by_id(known.keys, key_id)

    async def _ask(self, issuer: str, known: _Known) -> None:
        known.asked_s = self._now_s()
        try:
            known.keys = await self._fetch(issuer)
        except IssuerUnreachableError as failure:
            known.failure = str(failure)
        else:
            known.fetched_s = known.asked_s

    async def _fetch(self, issuer: str) -> tuple[PublicKey, ...]:
        address = KEYS_ELSEWHERE.get(issuer) or await self._discovered(issuer)
        listed = (await self._documents.fetch(address, KEYS_BYTES)).get("keys")
        if not isinstance(listed, list) or len(listed) > MOST_KEYS:
            raise IssuerUnreachableError(f"its JWKS is no list of up to {MOST_KEYS} keys")
        return tuple(_public_keys(listed))

    async def _discovered(self, issuer: str) -> str:
        """Where the issuer publishes its keys."""
        discovery = await self._documents.fetch(issuer.rstrip("/") + _DISCOVERY_PATH, DISCOVERY_BYTES)
        # OpenID Connect Discovery 1.0, section 4.3: else one issuer could speak for another.
        if discovery.get("issuer") != issuer:
            raise IssuerUnreachableError("its discovery document names another issuer")
        address = discovery.get("jwks_uri")
        if not isinstance(address, str):
            raise IssuerUnreachableError("its discovery document names no jwks_uri")
        return address

    def _of(self, issuer: str) -> _Known:
        known = self._known.setdefault(issuer, _Known())
        self._known.move_to_end(issuer)
        if len(self._known) > MOST_ISSUERS:
            self._known.popitem(last=False)
        return known

    def _age_s(self, known: _Known) -> float:
        return self._now_s() - known.fetched_s

    def _now_s(self) -> float:
        return self._clock.now().timestamp()


def _by_id(keys: tuple[PublicKey, ...], key_id: str | None) -> PublicKey | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == key_id), None)


def _public_keys(listed: Iterable[Any]) -> Iterable[PublicKey]:
    """Those that may verify signatures; others (of other types, for encryption, too short) are left out."""
    for each in listed:
        key = _public_key(each) if isinstance(each, dict) else None
        if key is not None:
            yield key


def _public_key(listed: Mapping[str, Any]) -> PublicKey | None:
    kinds: Mapping[Any, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    try:
        kind = kinds.get(listed.get("kty"))
        if kind is None or listed.get("use", "sig") != "sig" or "d" in listed:
            return None
        if kind is RSAKey and len(listed["n"]) * 6 < SMALLEST_RSA_BITS:
            return None  # the library would only warn
        key = kind.import_key(dict(listed))
        if isinstance(key, RSAKey) and key.raw_value.key_size < SMALLEST_RSA_BITS:
            return None
    except (JoseError, KeyError, ValueError, TypeError):
        return None
    return key
