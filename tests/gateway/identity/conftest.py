"""An issuer on loopback and a verifier that trusts it."""

from collections.abc import Iterator

import pytest

from fake_clock import FakeClock
from oidc_issuer import OidcIssuer, oidc_issuer
from pulumi_groq.gateway.identity.issuer_documents import FetchedDocuments, IssuerAddresses
from pulumi_groq.gateway.identity.issuer_keys import IssuerKeys
from pulumi_groq.gateway.identity.verifier import TokenVerifier


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as serving:
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def verifier(clock: FakeClock) -> TokenVerifier:
    documents = FetchedDocuments(IssuerAddresses(loopback_http=True))
    return TokenVerifier(IssuerKeys(documents, clock), clock)
