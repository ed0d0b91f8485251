"""Pages in browsers may call the inference plane where the operator lists their origin, and only there."""

from typing import Any

import pytest

from pulumi_groq.gateway.inference.cross_origin import allowing_origins

APP = "https://app.example.com"
PREFLIGHT = {
    "origin": APP,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, content-type, x-stainless-os",
}


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    """As the plane does without a key."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"x-request-id", b"req_1")]})
    await send({"type": "http.response.body", "body": b""})


async def answered(method: str, headers: dict[str, str], *origins: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a request with `headers`."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/openai/v1/chat/completions",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await allowing_origins(refuses, origins)(scope, receive, send)
    return messages[0]["status"], {name.decode(): value.decode() for name, value in messages[0]["headers"]}


async def test_a_preflight_of_a_listed_origin_is_answered() -> None:
    """Without a key, which a preflight never carries; all that the official clients send is allowed."""
    status, headers = await answered("OPTIONS", PREFLIGHT, "https://other.example.com", APP)
    assert (status, headers["access-control-allow-origin"]) == (200, APP)
    assert "POST" in headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in headers["access-control-allow-headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "x-stainless-os"}
    assert "access-control-allow-credentials" not in headers


async def test_an_answer_may_be_read_by_a_listed_origin() -> None:
    """A refusal too, with the headers that say when to come again."""
    status, headers = await answered("POST", {"origin": APP}, APP)
    assert (status, headers["access-control-allow-origin"], headers["vary"]) == (401, APP, "Origin")
    shown = headers["access-control-expose-headers"].split(", ")
    assert {"x-request-id", "retry-after", "x-ratelimit-remaining-tokens"} <= set(shown)


@pytest.mark.parametrize("origins", [(), ("https://other.example.com",)])
async def test_no_other_origin_gets_anything(origins: tuple[str, ...]) -> None:
    """None at all is the default."""
    for method, headers in (("OPTIONS", PREFLIGHT), ("POST", {"origin": APP})):
        assert "access-control-allow-origin" not in (await answered(method, headers, *origins))[1]
