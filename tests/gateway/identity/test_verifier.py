"""Tokens of a real issuer, good and bad."""

import asyncio
import base64
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from fake_clock import FakeClock
from oidc_issuer import AUDIENCE, DISCOVERY, JWKS, SUBJECT, OidcIssuer
from pulumi_groq.gateway.identity.issuer_documents import (
    FetchedDocuments,
    IssuerAddresses,
    IssuerUnreachableError,
)
from pulumi_groq.gateway.identity.issuer_keys import (
    FRESH_S,
    KEYS_BYTES,
    REFETCH_S,
    STALE_S,
    IssuerKeys,
)
from pulumi_groq.gateway.identity.verifier import (
    TokenRefusedError,
    TokenVerifier,
    VerifiedToken,
)
from pulumi_groq.models.token_exchange import MOST_TOKEN_BYTES


def _unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _segment(value: Any) -> str:
    return _unpadded(json.dumps(value).encode())


def trusting(issuer: OidcIssuer) -> dict[str, list[str]]:
    return {issuer.url: [AUDIENCE, "other.example.com"]}


async def refusal(verifier: TokenVerifier, issuer: OidcIssuer, token: str) -> str:
    """Why the token is refused; the reason quotes nothing of it."""
    with pytest.raises(TokenRefusedError) as refused:
        await verifier.verify(token, trusting(issuer))
    reason = str(refused.value)
    assert not any(part and part in reason for part in token.split("."))
    return reason


async def good(verifier: TokenVerifier, issuer: OidcIssuer, token: str) -> VerifiedToken:
    return await verifier.verify(token, trusting(issuer))


async def test_a_good_token_gives_its_issuer_subject_and_claims(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """What is verified is who issued the token, to whom, for which audience, and all of its claims."""
    verified = await good(verifier, issuer, issuer.token(clock.now(), repository="acme/infra"))
    assert (verified.issuer, verified.subject) == (issuer.url, SUBJECT)
    assert verified.audiences == {AUDIENCE}
    assert verified.claims["repository"] == "acme/infra"


async def test_a_token_of_several_audiences_counts_for_those_that_are_trusted(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """An audience that nobody declared is no reason to refuse a token that names a declared one, too."""
    token = issuer.token(clock.now(), aud=["https://elsewhere.example.com", AUDIENCE])
    assert (await good(verifier, issuer, token)).audiences == {AUDIENCE}


async def test_an_elliptic_curve_key_verifies_too(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Kubernetes clusters may sign with ES256."""
    issuer.keys = [ECKey.generate_key("P-256", {"kid": "curve"})]
    token = issuer.token(clock.now(), header={"alg": "ES256"})
    assert (await good(verifier, issuer, token)).subject == SUBJECT


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "https://elsewhere.example.com"}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": None}, "lacks"),
        ({"aud": {"a": 1}}, "another audience"),
        ({"iss": "https://elsewhere.example.com"}, "no workload identity trusts its issuer"),
        ({"iss": ["x"]}, "no workload identity trusts its issuer"),
        ({"iss": None}, "no workload identity trusts its issuer"),
        ({"sub": None}, "lacks"),
        ({"sub": ""}, "subject"),
        ({"sub": 5}, "subject"),
        ({"exp": None}, "lacks"),
        ({"iat": None}, "lacks"),
        ({"exp": 0}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": "tomorrow"}, "expired"),
        ({"nbf": 99_999_999_999}, "not valid yet"),
        ({"iat": 99_999_999_999}, "issued in the future"),
    ],
)
async def test_a_signed_token_with_a_wrong_claim_is_refused(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock, claims: dict[str, Any], reason: str
) -> None:
    """A signature alone opens nothing: audience, issuer, subject and times have to fit."""
    assert reason in await refusal(verifier, issuer, issuer.token(clock.now(), **claims))


async def test_a_minute_of_clock_skew_is_forgiven_and_no_more(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """A token is good up to a minute before its time and a minute after it."""
    token = issuer.token(clock.now())
    for ahead_s, is_good in ((-61, False), (-60, True), (659, True), (660, False)):
        at = FakeClock(clock.now())
        at.advance(seconds=ahead_s)
        own = TokenVerifier(IssuerKeys(FetchedDocuments(IssuerAddresses(loopback_http=True)), at), at)
        if is_good:
            await good(own, issuer, token)
        else:
            await refusal(own, issuer, token)


def unsigned(header: dict[str, Any], token: str) -> str:
    """`token` under another header and without its signature."""
    return f"{_segment(header)}.{token.split('.')[1]}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["RS256"], "HS256"])
async def test_an_unsigned_token_is_refused(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock, algorithm: Any
) -> None:
    """`alg: none`, in whatever spelling, never counts as signed; the issuer is not even asked."""
    token = unsigned({"alg": algorithm, "kid": "key-1"}, issuer.token(clock.now()))
    await refusal(verifier, issuer, token)
    assert issuer.asked == []


async def test_the_public_key_is_no_shared_secret(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """A token that is signed with HS256 and the issuer's public key, as everybody could, is refused."""
    key = issuer.keys[0]
    assert isinstance(key, RSAKey)
    public = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = issuer.token(clock.now()).split(".")[1]
    signed = f"{_segment({'alg': 'HS256', 'kid': key.kid})}.{claims}"
    for secret in (public, json.dumps(key.as_dict(private=False)).encode()):
        # The library would not sign with such a secret, so this is done by hand.
        forged = f"{signed}.{_unpadded(hmac.digest(secret, signed.encode(), 'sha256'))}"
        assert "algorithm" in await refusal(verifier, issuer, forged)


async def test_a_published_shared_secret_is_no_key(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Of a JWKS only public RSA and EC keys for signatures count."""
    shared = {"kty": "oct", "kid": "key-1", "k": "c2VjcmV0"}
    for_encryption = {**issuer.keys[0].as_dict(private=False), "use": "enc"}
    private = issuer.keys[0].as_dict(private=True)
    numbers = generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505 (to be refused)
    modulus = _unpadded(numbers.n.to_bytes(128, "big"))
    short = {"kty": "RSA", "kid": "key-1", "n": modulus, "e": "AQAB"}
    published = json.dumps({"keys": [shared, for_encryption, private, short, 5, {"kty": "RSA"}]})
    issuer.answers[JWKS] = (200, published.encode())
    assert "no key" in await refusal(verifier, issuer, issuer.token(clock.now()))


async def test_a_key_is_held_to_the_algorithm_that_it_states(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """A key published for RS256 verifies no PS256."""
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "key-1"})]
    token = issuer.token(clock.now(), header={"alg": "PS256"})
    published = {**issuer.keys[0].as_dict(private=False), "alg": "RS256"}
    issuer.answers[JWKS] = (200, json.dumps({"keys": [published]}).encode())
    assert "signature" in await refusal(verifier, issuer, token)


async def test_a_token_that_another_key_signed_is_refused(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """A key id is no proof: the signature has to fit the key that the issuer publishes under it."""
    published = issuer.keys
    issuer.rotate("key-1")
    forged = issuer.token(clock.now())
    issuer.keys = published
    assert "signature" in await refusal(verifier, issuer, forged)


async def test_an_unknown_critical_header_is_refused(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """RFC 7515: who does not understand what `crit` names must not accept the token."""
    header, claims, signature = issuer.token(clock.now()).split(".")
    stated = json.loads(base64.urlsafe_b64decode(header + "=="))
    strange = _segment({**stated, "crit": ["x"], "x": 1})
    await refusal(verifier, issuer, f"{strange}.{claims}.{signature}")


async def test_after_a_rotation_the_new_key_is_fetched(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """A key id that is unknown makes the gateway ask again, so that a rotation needs nobody's hand."""
    before = issuer.token(clock.now())
    await good(verifier, issuer, before)
    issuer.rotate("key-2")
    clock.advance(seconds=REFETCH_S)
    await good(verifier, issuer, issuer.token(clock.now()))
    assert "no key" in await refusal(verifier, issuer, before)


async def test_a_flood_of_unknown_key_ids_asks_the_issuer_once(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Whoever makes up key ids cannot make the gateway flood an issuer."""
    await good(verifier, issuer, issuer.token(clock.now()))
    clock.advance(seconds=REFETCH_S)
    issuer.asked.clear()
    for number in range(50):
        token = issuer.token(clock.now(), header={"kid": f"made-up-{number}"})
        assert "no key" in await refusal(verifier, issuer, token)
    assert issuer.asked == [DISCOVERY, JWKS]


async def test_keys_are_kept_while_they_are_fresh(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Within ten minutes the issuer is asked once, however many tokens come; then again."""
    for _ in range(3):
        await good(verifier, issuer, issuer.token(clock.now()))
    assert issuer.asked == [DISCOVERY, JWKS]
    clock.advance(seconds=FRESH_S)
    await good(verifier, issuer, issuer.token(clock.now()))
    assert issuer.asked == [DISCOVERY, JWKS] * 2


async def test_an_issuer_that_is_down_is_trusted_for_hours_and_not_longer(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Known keys outlive a short outage of the issuer; without any, or with old ones, nothing is accepted."""
    issuer.answers[JWKS] = (503, b"busy")
    with pytest.raises(IssuerUnreachableError, match="status 503"):
        await good(verifier, issuer, issuer.token(clock.now()))
    del issuer.answers[JWKS]
    clock.advance(seconds=REFETCH_S)
    await good(verifier, issuer, issuer.token(clock.now()))
    issuer.answers[DISCOVERY] = (503, b"busy")
    clock.advance(seconds=STALE_S - 1)
    await good(verifier, issuer, issuer.token(clock.now()))
    clock.advance(seconds=1)
    with pytest.raises(IssuerUnreachableError, match="status 503"):
        await good(verifier, issuer, issuer.token(clock.now()))


@pytest.mark.parametrize(
    ("path", "status", "body", "reason"),
    [
        (JWKS, 200, b'{"keys": [' + b" " * KEYS_BYTES + b"]}", "more than"),
        (JWKS, 200, json.dumps({"keys": [{}] * 101}).encode(), "no list of up to 100 keys"),
        (JWKS, 200, b'{"keys": 5}', "no list"),
        (JWKS, 200, b"[" * 100_000, "no JSON object"),
        (JWKS, 302, b"", "status 302"),
        (DISCOVERY, 200, b"\xff", "no JSON object"),
        (DISCOVERY, 200, b'{"issuer": "https://elsewhere.example.com"}', "another issuer"),
    ],
)
async def test_a_document_that_is_none_makes_the_issuer_unreachable(
    issuer: OidcIssuer,
    verifier: TokenVerifier,
    clock: FakeClock,
    path: str,
    status: int,
    body: bytes,
    reason: str,
) -> None:
    """What an issuer sends is read within bounds, and nothing is trusted that does not fit."""
    issuer.answers[path] = (status, body)
    with pytest.raises(IssuerUnreachableError, match=reason):
        await good(verifier, issuer, issuer.token(clock.now()))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://169.254.169.254/keys", "not public"),
        ("https://10.0.0.1/keys", "not public"),
        ("http://example.com/keys", "must be https"),
        ("file:///etc/passwd", "not a URL"),
        ("https://user@example.com/keys", "not a URL"),
        (5, "names no jwks_uri"),
    ],
)
async def test_an_issuer_cannot_send_the_gateway_into_the_network(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock, address: Any, reason: str
) -> None:
    """The address of the keys is the issuer's choice, so it is judged like the issuer's own."""
    document = {"issuer": issuer.url, "jwks_uri": address}
    issuer.answers[DISCOVERY] = (200, json.dumps(document).encode())
    with pytest.raises(IssuerUnreachableError, match=reason):
        await good(verifier, issuer, issuer.token(clock.now()))


@pytest.mark.parametrize("loopback_http", [False, True])
def test_plain_http_needs_the_setting_and_this_machine(loopback_http: bool) -> None:
    """An issuer is asked over https; over http only on this machine, and only where that is set."""
    addresses = IssuerAddresses(loopback_http=loopback_http)
    assert addresses.refusal_of("https://token.actions.githubusercontent.com") is None
    for url in ("http://127.0.0.1:80", "http://localhost:1", "http://[::1]:1"):
        assert (addresses.refusal_of(url) is None) == loopback_http
    for url in ("http://example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "https://10.0.0.1"):
        assert addresses.refusal_of(url) is not None


async def test_a_name_that_means_this_machine_is_not_fetched_from() -> None:
    """The address that a name resolves to is judged, not only the name."""

    async def to_loopback(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    documents = FetchedDocuments(IssuerAddresses(), resolve=to_loopback)
    with pytest.raises(IssuerUnreachableError, match="not public"):
        await documents.fetch("https://issuer.example.com/", 10)


async def test_a_silent_issuer_keeps_nobody_waiting() -> None:
    """One document has its time, the name's resolution included."""

    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    documents = FetchedDocuments(IssuerAddresses(), resolve=never, timeout_s=0.01)
    with pytest.raises(IssuerUnreachableError, match="no answer within"):
        await documents.fetch("https://issuer.example.com/", 10)


async def test_a_token_that_is_too_long_is_not_read(
    issuer: OidcIssuer, verifier: TokenVerifier, clock: FakeClock
) -> None:
    """Before a credential is known, memory and time are bounded."""
    token = issuer.token(clock.now(), padding="x" * MOST_TOKEN_BYTES)
    assert "longer than" in await refusal(verifier, issuer, token)


class NoDocuments:
    """No issuer is asked for what is no token."""

    async def fetch(self, url: str, most_bytes: int) -> dict[str, Any]:
        raise AssertionError(url, most_bytes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
anything = st.one_of(
    st.text(max_size=60),
    st.builds(
        lambda header, claims, signature: f"{_segment(header)}.{_segment(claims)}.{signature}",
        json_values | st.fixed_dictionaries({"alg": st.just("RS256")}, optional={"kid": json_values}),
        json_values | st.fixed_dictionaries({"iss": json_values}),
        st.text(max_size=5),
    ),
)


@given(anything)
def test_whatever_is_no_token_is_refused_in_one_way(token: str) -> None:
    """No input but a token of a trusted issuer ends in anything but a refusal."""
    clock = FakeClock()
    verifier = TokenVerifier(IssuerKeys(NoDocuments(), clock), clock)
    with pytest.raises(TokenRefusedError):
        asyncio.run(verifier.verify(token, {"https://issuer.example.com/": ["x"]}))
