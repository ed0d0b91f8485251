"""Judges the tokens of OIDC issuers: signature, issuer, audience and times. What their claims allow is
judged elsewhere.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from pulumi_groq.gateway.identity.issuer_keys import IssuerKeys
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.models.token_exchange import MOST_TOKEN_BYTES

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: with a shared secret, whoever verifies could sign."""

CLOCK_SKEW_S: Final = 60
"""By how much an issuer's clock may differ from the gateway's."""


class TokenRefusedError(Exception):
    """A token is not good; the message says why and quotes nothing of it.

    `subject` is whom it was issued to, where its issuer is trusted and really signed it.
    """

    def __init__(self, why: str, subject: str | None = None) -> None:
        super().__init__(why)
        self.subject = subject


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a good token says: `claims` has all of it."""

    issuer: str
    subject: str
    audiences: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)


class TokenVerifier:
    """Verifies tokens against the keys that their issuers publish."""

    def __init__(self, keys: IssuerKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str, trusted: Mapping[str, Collection[str]]) -> VerifiedToken:
        """The token's claims, if it is good and meant for one of its issuer's audiences in `trusted`.

        Raises `TokenRefusedError`, and `IssuerUnreachableError` where the issuer's keys cannot be had.
        """
        signed = _read(token)
        issuer, audiences = _trusted_issuer(signed, trusted)
        header = signed.headers()
        key = await self._keys.find(issuer, header.get("kid"))
        if key is None:
            raise TokenRefusedError("its issuer publishes no key with the token's key id")
        try:
            # A key that states its algorithm or use is held to it here.
            genuine = validate_compact(signed, key, ALGORITHMS, _REGISTRY)
        except (JoseError, ValueError):
            genuine = False
        if not genuine:
            raise TokenRefusedError("its signature does not fit its issuer's key")
        return self._judged(_claims(signed), issuer, audiences)

    def _judged(self, claims: Mapping[str, Any], issuer: str, audiences: Collection[str]) -> VerifiedToken:
        registry = JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True, "values": sorted(audiences)},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as refused:
            raise TokenRefusedError(_reason(refused)) from None
        stated = claims["aud"]
        return VerifiedToken(
            issuer,
            claims["sub"],
            frozenset([stated] if isinstance(stated, str) else stated).intersection(audiences),
            claims,
        )


# Unknown header parameters are ignored, as RFC 7515 says; those that `crit` names are refused.
_REGISTRY: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)


def _read(token: str) -> CompactSignature:
    """The parts of the token, nothing of it verified."""
    if len(token) > MOST_TOKEN_BYTES:
        raise TokenRefusedError(f"it is longer than {MOST_TOKEN_BYTES} bytes")
    try:
        signed = extract_compact(token.encode("ascii"), registry=_REGISTRY)
        algorithm = signed.headers().get("alg")
    except (JoseError, ValueError, RecursionError, AttributeError, TypeError):
        raise TokenRefusedError("it is not a signed JSON Web Token") from None
    if algorithm not in ALGORITHMS:
        raise TokenRefusedError("its algorithm is not an asymmetric one: " + ", ".join(ALGORITHMS))
    return signed


def _trusted_issuer(
    signed: CompactSignature, trusted: Mapping[str, Collection[str]]
) -> tuple[str, Collection[str]]:
    issuer = _claims(signed).get("iss")
    audiences = trusted.get(issuer) if isinstance(issuer, str) else None
    if not isinstance(issuer, str) or not audiences:
        raise TokenRefusedError("no workload identity trusts its issuer")
    return issuer, audiences


def _claims(signed: CompactSignature) -> Mapping[str, Any]:
    try:
        claims = json.loads(signed.payload or b"")
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise TokenRefusedError("its claims are no JSON object")
    return claims


def _reason(refused: JoseError) -> str:
    reasons = {
        "exp": "it has expired",
        "iat": "it was issued in the future: is a clock wrong?",
        "nbf": "it is not valid yet: is a clock wrong?",
        "aud": "it is meant for another audience",
        "sub": "its subject is empty or no text",
    }
    name = getattr(refused, "claim", None) or ""
    if refused.error == "missing_claim":
        return "it lacks one of the claims iss, sub, aud, exp and iat"
    return reasons.get(name, "one of its claims is malformed")
