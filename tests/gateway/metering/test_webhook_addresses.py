"""Which addresses a webhook may go to."""

import pytest

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses

FORBIDDEN = [
    *("0.0.0.1", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "168.63.129.16"),
    *(
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "192.0.2.1",
    ),
    *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "not an address", ""),
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_public_is_refused(address: str) -> None:
    """Each kind of special-purpose address, and what holds an IPv4 address inside an IPv6 one."""
    assert not WebhookAddresses().allow("hooks.example.com", address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111"]
)
def test_what_is_public_is_allowed(address: str) -> None:
    """The neighbours of private networks are public."""
    assert WebhookAddresses().allow("hooks.example.com", address)


@pytest.mark.parametrize(
    ("listed", "host", "address"),
    [
        ("hooks.corp.example", "Hooks.Corp.Example.", "10.0.0.1"),
        ("10.1.0.0/16", "any.example.com", "10.1.2.3"),
        ("127.0.0.1", "localhost", "127.0.0.1"),
        ("[::1]", "localhost", "::1"),
        ("fd00::/8", "any.example.com", "fd12::1"),
    ],
)
def test_what_the_operator_lists_is_allowed(listed: str, host: str, address: str) -> None:
    """A host by its name, or an address whatever the name is; nothing beside it."""
    addresses = WebhookAddresses([listed])
    assert addresses.allow(host, address)
    assert not addresses.allow("other.example.com", "192.168.0.1")


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "::1"],
)
def test_a_plainly_private_host_is_refused_as_written(host: str) -> None:
    """In each spelling that the C library takes for an address."""
    assert not WebhookAddresses().allow_as_written(host)


@pytest.mark.parametrize("host", ["hooks.example.com", "1.1.1.1", "localhost.example.com", "3com.example"])
def test_a_name_is_judged_later(host: str) -> None:
    """Once it is resolved."""
    assert WebhookAddresses().allow_as_written(host)


@pytest.mark.parametrize("entry", ["https://hooks.example.com", "10.0.0.1/8", "256.1.1.1", "a b", "", "*"])
def test_what_is_no_host_is_refused_at_start(entry: str) -> None:
    """With the option's name in the line."""
    with pytest.raises(ConfigurationError, match="--webhook-hosts"):
        WebhookAddresses([entry])
