"""What is sent over https goes through the proxy of the environment, judged and encrypted as without."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from certificates import make_certificate
from connect_proxy import ConnectProxy, connect_proxy
from gateway_process import UPSTREAM_KEY, start_gateway
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.egress_proxy import EgressProxies
from pulumi_groq.gateway.inference.http_upstream import HttpUpstream
from pulumi_groq.gateway.inference.upstream import UpstreamCall, UpstreamUnreachableError
from pulumi_groq.gateway.metering.alert_delivery import NotDeliveredError
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.upstream_keys import DEFAULT, KeySource, UpstreamKeys
from server_in_thread import server_in_thread

HOOK = "hook.example"
BODY = (
    b'{"id":"1","object":"chat.completion","choices":[],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)


def proxies(proxy: ConnectProxy, user: str = "") -> EgressProxies:
    return EgressProxies({"HTTPS_PROXY": f"http://{user}127.0.0.1:{proxy.port}"})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of this machine and of the hook, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "tls.crt", folder / "tls.key"
    make_certificate(*pair, names=[HOOK])
    return pair


@pytest.fixture
def port(files: tuple[Path, Path]) -> Iterator[int]:
    """Where a server answers everything over TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY))
        await writer.drain()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    with server_in_thread(answer, context) as port:
        yield port


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_direct"),
    [
        ("", "api.groq.com", False),
        ("*", "api.groq.com", True),
        ("groq.com", "api.groq.com", True),
        (".groq.com", "api.groq.com", True),
        ("*.groq.com", "api.groq.com", True),
        ("API.GROQ.COM", "api.groq.com", True),
        ("localhost, api.groq.com", "api.groq.com", True),
        ("groq.com:443", "api.groq.com", True),
        ("groq.com:8443", "api.groq.com", False),
        ("notgroq.com", "groq.com", False),
        ("oq.com", "groq.com", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        (",,", "api.groq.com", False),
    ],
)
def test_some_hosts_are_reached_directly(no_proxy: str, host: str, is_direct: bool) -> None:
    """As NO_PROXY says."""
    found = EgressProxies({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}).of(host, 443)
    assert (found is None) is is_direct


def test_the_variables_are_those_of_other_programs() -> None:
    """In either case; ALL_PROXY where there is none for https, and HTTP_PROXY is for http alone."""
    assert EgressProxies({"https_proxy": "proxy:3128"}).of("h", 443) == EgressProxies(
        {"ALL_PROXY": "http://proxy:3128"}
    ).of("h", 443)
    assert EgressProxies({"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": ""}).of("h", 443) is None


@pytest.mark.parametrize(
    "url", ["socks5://u:s3cret@h:1", "https://u:s3cret@h", "http://u:s3cret@", "http://h:x"]
)
def test_a_proxy_that_is_not_spoken_is_one_line(url: str) -> None:
    """Without its password."""
    with pytest.raises(ConfigurationError) as refused:
        EgressProxies({"HTTPS_PROXY": url})
    assert "HTTPS_PROXY" in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def ask(port: int, files: tuple[Path, Path], through: EgressProxies) -> tuple[int, bytes]:
    trusting = ssl.create_default_context(cafile=str(files[0]))
    keys = UpstreamKeys([KeySource(DEFAULT, "the-upstream-key")])
    upstream = HttpUpstream(f"https://127.0.0.1:{port}", keys, tls=trusting, proxies=through)
    call = UpstreamCall("/openai/v1/chat/completions", b"application/json", b"*/*", b"", b"{}")
    answer = await upstream.send(call)
    try:
        return answer.status, await answer.next_piece()
    finally:
        await upstream.close()


async def test_the_upstream_is_reached_through_it(port: int, files: tuple[Path, Path]) -> None:
    """It is asked for the upstream, with its own credentials, and sees nothing of what is said."""
    with connect_proxy() as proxy:
        assert await ask(port, files, proxies(proxy, "user:p%40ss@")) == (200, BODY)
    [asked] = proxy.asked
    assert asked.startswith(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")
    assert "proxy-authorization: Basic dXNlcjpwQHNz\r\n" in asked
    assert len(proxy.passed) > 100
    assert b"the-upstream-key" not in proxy.passed


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "with status 407"),
        (b"HTTP/1.1 403 no\r\n\r\n", "with status 403"),
        (b"SSH-2.0-x\r\n\r\n", "no answer of HTTP"),
        (b"HTTP/1.1 403", "no answer of HTTP"),
        (b"x" * 20_000, "no answer of HTTP"),
        (b"", "no answer of HTTP"),
    ],
)
async def test_a_proxy_that_refuses_is_told(
    port: int, files: tuple[Path, Path], answer: bytes, told: str
) -> None:
    """As an upstream that cannot be reached."""
    with connect_proxy(answer=answer) as proxy, pytest.raises(UpstreamUnreachableError, match=told):
        await ask(port, files, proxies(proxy))


async def post(
    url: str, files: tuple[Path, Path], through: EgressProxies, listed: tuple[str, ...], names: dict[str, str]
) -> int:
    async def resolve(host: str, _port: int) -> list[str]:
        if host not in names:
            raise OSError("no such name")
        return [names[host]]

    trusting = ssl.create_default_context(cafile=str(files[0]))
    sender = WebhookSender(WebhookAddresses(listed), resolve=resolve, tls=trusting, proxies=through)
    return (await sender.post(url, b"{}", {})).status


async def test_a_webhook_goes_to_the_address_that_was_judged(port: int, files: tuple[Path, Path]) -> None:
    """The proxy is asked for it, and cannot be led to another one by the name; TLS is with the name."""
    with connect_proxy() as proxy:
        names = {HOOK: "127.0.0.1"}
        assert await post(f"https://{HOOK}:{port}/", files, proxies(proxy), ("127.0.0.0/8",), names) == 200
    assert [asked.split(" ")[1] for asked in proxy.asked] == [f"127.0.0.1:{port}"]


async def test_a_webhook_to_an_inner_address_is_not_even_asked_for(files: tuple[Path, Path]) -> None:
    """A proxy does not make it public."""
    with connect_proxy() as proxy, pytest.raises(NotDeliveredError, match="not public"):
        await post(f"https://{HOOK}/", files, proxies(proxy), (), {HOOK: "169.254.169.254"})
    assert proxy.asked == []


async def test_a_listed_name_need_not_be_known_here(port: int, files: tuple[Path, Path]) -> None:
    """Behind a proxy there is often no one to ask for it: whoever lists a name trusts it."""
    with connect_proxy() as proxy:
        assert await post(f"https://{HOOK}:{port}/", files, proxies(proxy), (HOOK,), {}) == 200
    assert [asked.split(" ")[1] for asked in proxy.asked] == [f"{HOOK}:{port}"]


async def test_a_proxy_that_refuses_a_webhook_is_told(files: tuple[Path, Path]) -> None:
    """It is tried again as any other that cannot be reached."""
    refusing = connect_proxy(answer=b"HTTP/1.1 403 no\r\n\r\n")
    with refusing as proxy, pytest.raises(NotDeliveredError, match="ConnectError"):
        await post(f"https://{HOOK}/", files, proxies(proxy), (HOOK,), {})


def test_a_gateway_that_is_served_uses_it(
    port: int, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its environment, without an option."""
    with connect_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        gateway = start_gateway(tmp_path, f"--upstream=https://127.0.0.1:{port}")
        try:
            with gateway.client() as admin:
                key = {"name": "chatbot", "allowed_models": ["openai/gpt-oss-20b"]}
                created = admin.post("/api-keys", json=key).json()
            answer = httpx.post(
                f"{gateway.url}/openai/v1/chat/completions",
                json={"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]},
                headers={"authorization": f"Bearer {created['api_key']}"},
                trust_env=False,
                timeout=60,
            )
        finally:
            gateway.clear_away()
    assert (answer.status_code, answer.content) == (200, BODY)
    assert [asked.split(" ")[1] for asked in proxy.asked] == [f"127.0.0.1:{port}"]
    assert UPSTREAM_KEY.encode() not in proxy.passed
