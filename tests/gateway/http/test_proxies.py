"""Whose a request is that came through a reverse proxy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.http.proxies import Origin, TrustedProxies

NEAREST = "10.0.0.1"
TRUSTED = ("10.0.0.0/8", "192.0.2.7", "fd00::/8")
FOR, PROTO, FORWARDED = b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"


def origin(*headers: tuple[bytes, str], kind: str = "x-forwarded") -> Origin:
    proxies = TrustedProxies(TRUSTED, "forwarded" if kind == "forwarded" else "x-forwarded")
    return proxies.origin(NEAREST, "http", [(name, value.encode("latin-1")) for name, value in headers])


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.255.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("fd00::1", True),
        ("2001:db8::1", False),
        ("", False),
        ("testclient", False),
    ],
)
def test_proxies_are_named_by_address_or_network(address: str, trusted: bool) -> None:
    """An IPv4 address that is written as one of IPv6 is the same."""
    assert TrustedProxies(TRUSTED).trusts(address) is trusted


def test_nobody_is_trusted_by_default() -> None:
    """Not even this machine."""
    assert not TrustedProxies().trusts("127.0.0.1")


@pytest.mark.parametrize("entry", ["", "proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(entry: str) -> None:
    """In one line."""
    with pytest.raises(ConfigurationError, match="--trusted-proxies"):
        TrustedProxies([entry])


@pytest.mark.parametrize(
    ("told", "client"),
    [
        (["203.0.113.5"], "203.0.113.5"),
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["::ffff:203.0.113.5"], "203.0.113.5"),
        (["198.51.100.9, 203.0.113.5"], "203.0.113.5"),  # what stands left of the client is its own claim
        (["198.51.100.9", "203.0.113.5"], "203.0.113.5"),  # in two lines
        (["203.0.113.5, 10.0.0.2, 192.0.2.7"], "203.0.113.5"),  # through two more proxies
        (["203.0.113.5, 10.0.0.2, 198.51.100.9, 10.0.0.3"], "198.51.100.9"),
        (["10.0.0.2, 10.0.0.3"], "10.0.0.2"),  # a proxy that asks for itself
        (["203.0.113.5, unknown"], NEAREST),
        (["203.0.113.5, _hidden, 10.0.0.2"], "10.0.0.2"),
        (["203.0.113.5,"], NEAREST),
        ([""], NEAREST),
        ([], NEAREST),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(told: list[str], client: str) -> None:
    """A proxy that does not tell is the client."""
    assert origin(*[(FOR, line) for line in told]).address == client


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("for=203.0.113.5", Origin("203.0.113.5", "http")),
        ('For="[2001:db8::1]:4711";Proto=HTTPS;by=10.0.0.1', Origin("2001:db8::1", "https")),
        ("for=198.51.100.9;proto=https, for=203.0.113.5", Origin("203.0.113.5", "http")),
        ("for=203.0.113.5;proto=https, for=10.0.0.2;proto=http", Origin("203.0.113.5", "https")),
        ("for=203.0.113.5;proto=https, for=10.0.0.2", Origin("203.0.113.5", "https")),
        ("for=unknown;proto=https", Origin(NEAREST, "http")),
        ("proto=https", Origin(NEAREST, "http")),
        (";;=;for", Origin(NEAREST, "http")),
    ],
)
def test_forwarded_is_read_alike(told: str, found: Origin) -> None:
    """As RFC 7239 writes it."""
    assert origin((FORWARDED, told), kind="forwarded") == found


@pytest.mark.parametrize(
    ("addresses", "schemes", "scheme"),
    [
        ("203.0.113.5", "https", "https"),
        ("203.0.113.5", "", "http"),
        ("203.0.113.5", "gopher", "http"),
        ("203.0.113.5, 10.0.0.2", "https, http", "https"),  # one for each hop
        ("203.0.113.5, 10.0.0.2", "https", "https"),  # of the nearest only
        ("198.51.100.9, 203.0.113.5", "https, http", "http"),
    ],
)
def test_the_scheme_is_the_one_of_the_client(addresses: str, schemes: str, scheme: str) -> None:
    """As far as the proxies tell."""
    assert origin((FOR, addresses), (PROTO, schemes)).scheme == scheme


def test_only_the_headers_that_the_proxies_write_are_read() -> None:
    """The others are passed on by them as the client sent them."""
    both = ((FOR, "203.0.113.5"), (FORWARDED, "for=198.51.100.9"))
    assert origin(*both).address == "203.0.113.5"
    assert origin(*both, kind="forwarded").address == "198.51.100.9"


claims = st.lists(
    st.one_of(
        st.sampled_from(["127.0.0.1", "10.0.0.9", "unknown", "", "for=10.0.0.9", "::1", ";", '"', "["]),
        st.text(st.characters(max_codepoint=255), max_size=12),
        st.ip_addresses().map(str),
    ),
    max_size=6,
)


@given(claims, claims)
def test_no_claim_of_a_client_is_believed(addresses: list[str], schemes: list[str]) -> None:
    """Whatever it sends itself: the proxy adds where it came from, and that is what is found."""
    told = [(FOR, ",".join([*addresses, "203.0.113.5"])), (PROTO, ",".join([*schemes, "https"]))]
    assert origin(*told).address == "203.0.113.5"
    element = ",".join([*addresses, "for=203.0.113.5;proto=https"])
    assert origin((FORWARDED, element), kind="forwarded") == Origin("203.0.113.5", "https")
