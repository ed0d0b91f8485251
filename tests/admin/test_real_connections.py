"""What sockets do that canned answers cannot: cut answers, slow answers, nobody listening."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.errors import NoAnswerError

PATIENCE_S = 60


def http(body: bytes, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length or len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


@pytest.fixture
def serve() -> Iterator[Callable[[Sequence[bytes]], tuple[str, list[bytes]]]]:
    """A server that answers the n-th connection with the n-th bytes; gives its address and the requests."""
    threads: list[threading.Thread] = []

    def start(replies: Sequence[bytes]) -> tuple[str, list[bytes]]:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)  # a request that goes elsewhere fails its test instead of stalling it
        requests: list[bytes] = []

        def run() -> None:
            with listener, suppress(TimeoutError):
                for reply in replies:
                    connection, _ = listener.accept()
                    with connection:
                        requests.append(connection.recv(65536))
                        connection.sendall(reply)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}", requests

    yield start
    for thread in threads:
        thread.join(PATIENCE_S)


@pytest.mark.parametrize("cut_at", [0, 10, 60, 150])
def test_answer_that_is_cut_is_asked_for_again(cut_at: int, serve: Any, usage_body: Any) -> None:
    """A connection that ends before, in or after the headers is a lost answer, wherever the cut is."""
    whole = http(json.dumps(usage_body).encode())
    address, requests = serve([whole[:cut_at], whole])
    with AdminClient(AdminSettings(address, "adm-0123456789"), sleep=lambda _: None) as client:
        assert client.usage().month == "2026-11"
    assert len(requests) == 2


def test_answer_that_trickles_past_the_deadline_is_given_up(usage_body: Any) -> None:
    """A server that sends one byte at a time cannot hold a call for ever."""
    now, body = [0.0], json.dumps(usage_body).encode()
    given_up = threading.Event()

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(http(b"", length=len(body)))
            for byte in body:
                now[0] += 10
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    break
                if given_up.wait(0.01):
                    break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=trickle)
        server.start()
        settings = AdminSettings(f"http://127.0.0.1:{listener.getsockname()[1]}", "adm-0123456789")
        with AdminClient(settings, clock=lambda: now[0]) as client:
            with pytest.raises(NoAnswerError, match="still arriving at the deadline"):
                client.usage()
            given_up.set()
        server.join(PATIENCE_S)


def test_nobody_listening_is_said_so() -> None:
    """A gateway that does not run gives one line with the address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        AdminClient(
            AdminSettings(f"http://127.0.0.1:{port}", "adm-0123456789"), sleep=lambda _: None
        ) as client,
        pytest.raises(NoAnswerError) as caught,
    ):
        client.usage()
    assert f"no answer from http://127.0.0.1:{port}: no connection (" in str(caught.value)


def test_https_to_a_server_without_tls_is_said_so(serve: Any) -> None:
    """It is not tried again, and the line says how the address has to begin."""
    address, requests = serve([b"HTTP/1.1 400 Bad Request\r\n\r\n"])
    settings = AdminSettings(address.replace("http:", "https:"), "adm-0123456789")
    with (
        AdminClient(settings, sleep=lambda _: None) as client,
        pytest.raises(NoAnswerError, match=r"it speaks no TLS .* give the address with http://"),
    ):
        client.usage()
    assert len(requests) == 1


def test_http_to_a_server_with_tls_is_told(serve: Any) -> None:
    """Such a server closes the connection; it may also be one that restarts, so it is tried again."""
    address, requests = serve([b""] * 7)
    with (
        AdminClient(AdminSettings(address, "adm-0123456789"), sleep=lambda _: None) as client,
        pytest.raises(NoAnswerError, match=r"if it speaks TLS, its address begins with https"),
    ):
        client.usage()
    assert len(requests) == 7


def test_a_proxy_that_is_not_there_is_what_the_error_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the gateway, which nobody has asked."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://name:password@127.0.0.1:{nobody.getsockname()[1]}"
    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, proxy)
    with (
        AdminClient(AdminSettings("http://192.0.2.1", "adm-0123456789"), sleep=lambda _: None) as client,
        pytest.raises(
            NoAnswerError, match=r"to the proxy of the environment; .*; correct HTTP_PROXY"
        ) as told,
    ):
        client.usage()
    assert "password" not in str(told.value)


def test_this_machine_is_called_without_a_proxy(
    serve: Any, usage_body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy reaches a gateway on this machine, so one in the environment does not get the admin key."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{nobody.getsockname()[1]}")
    address, requests = serve([http(json.dumps(usage_body).encode())])
    with AdminClient(AdminSettings(address, "adm-0123456789"), sleep=lambda _: None) as client:
        assert client.usage().month == "2026-11"
    assert len(requests) == 1
