"""The listener's certificate: what no client would accept is refused, and a change is taken up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certificates import DAY, make_certificate
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.http.certificate import ServerCertificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    pair = tmp_path / "tls.crt", tmp_path / "tls.key"
    make_certificate(*pair)
    return pair


def another_key(chain: Path, key: Path) -> None:
    make_certificate(chain.with_name("other.crt"), key)


def another_first(chain: Path, key: Path) -> None:
    own = chain.read_bytes()
    make_certificate(chain, chain.with_name("other.key"))
    chain.write_bytes(chain.read_bytes() + own)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda chain, _: chain.unlink(), "--tls-cert: it cannot be read: No such file"),
        (lambda _, key: (key.unlink(), key.mkdir()), "--tls-key: it cannot be read: Is a directory"),
        (lambda chain, _: chain.write_bytes(b"\xff\x00"), "--tls-cert: it holds no certificate in PEM"),
        (lambda chain, _: chain.write_bytes(b""), "--tls-cert: it holds no certificate in PEM"),
        (
            lambda chain, key: chain.write_bytes(key.read_bytes()),
            "--tls-cert: it holds no certificate in PEM",
        ),
        (lambda chain, key: key.write_bytes(chain.read_bytes()), "--tls-key: it holds no private key in PEM"),
        (lambda _, key: key.write_bytes(b""), "--tls-key: it holds no private key in PEM"),
        (another_key, "--tls-key: it is not the key of the first certificate"),
        (another_first, "--tls-key: it is not the key of the first certificate"),
        (lambda chain, key: make_certificate(chain, key, passphrase=b"s3cret"), "--tls-key: it is encrypted"),
        (lambda chain, key: make_certificate(chain, key, ends=-DAY / 2), "the certificate expired on 2"),
        (lambda chain, key: make_certificate(chain, key, begins=DAY / 2), "is not valid before 2"),
    ],
)
def test_what_no_client_would_accept_is_one_line(
    files: tuple[Path, Path], spoil: Callable[[Path, Path], object], told: str
) -> None:
    """Which file it is, and what is wrong with it."""
    spoil(*files)
    with pytest.raises(ConfigurationError) as refused:
        ServerCertificate(*files)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_change_is_taken_up_once(files: tuple[Path, Path]) -> None:
    """New connections have the new one."""
    certificate = ServerCertificate(*files)
    before = certificate.context
    assert not certificate.renew()
    make_certificate(*files)

    assert certificate.renew()
    assert certificate.context is not before
    assert not certificate.renew()


def test_half_of_a_change_waits_for_the_other(files: tuple[Path, Path]) -> None:
    """Two files are not written at one moment: what was there before is served meanwhile."""
    certificate = ServerCertificate(*files)
    before, key = certificate.context, files[1].read_bytes()
    make_certificate(*files)
    new_key = files[1].read_bytes()
    files[1].write_bytes(key)
    with pytest.raises(ConfigurationError, match="not the key"):
        certificate.renew()
    assert certificate.context is before
    files[1].write_bytes(new_key)

    assert certificate.renew()


def test_one_that_expires_while_it_is_served_is_told(files: tuple[Path, Path]) -> None:
    """By the next look, and it is served on: no other is there."""
    now = datetime.now(UTC)
    certificate = ServerCertificate(*files, now=lambda: now)
    assert not certificate.renew()
    now += timedelta(days=2)
    with pytest.raises(ConfigurationError, match="expired"):
        certificate.renew()
