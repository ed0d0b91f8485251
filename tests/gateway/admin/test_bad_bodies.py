"""Bodies that are no usable JSON are refused in the envelope, never by a traceback."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from httpx import Response

from admin_plane import KEY, Api, error_of

LIMIT = 64 * 1024
IDENTITY = {
    "issuer": "https://a.example",
    "audience": "a",
    "claims": {"sub": "s"},
    "allowed_models": ["openai/gpt-oss-20b"],
}


def post(api: Api, content: bytes | AsyncIterator[bytes], **headers: Any) -> Response:
    sent = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return api.call("POST", "/api-keys", content=content, headers=sent)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nul",
        b"{'name': 'x'}",
        b'{"name": "x",}',
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "x"} {}',
        b'{"monthly_budget_usd": NaN}',
        b'{"monthly_budget_usd": Infinity}',
        b'{"monthly_budget_usd": -Infinity}',
        b'{"monthly_budget_usd": 1e999}',
        b'{"requests_per_minute": ' + b"9" * 5000 + b"}",
        b'{"name": "a", "name": "b"}',
        b'{"metadata": {"a": "1", "a": "2"}}',
        b'{"name": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b"\xef\xbb\xbf{}",
        b'{"name": "\x00"}',
    ],
)
def test_what_is_not_usable_json_is_400(api: Api, content: bytes) -> None:
    """With a reason in one line."""
    answer = post(api, content)
    assert error_of(answer) == (400, "invalid_json", None)
    assert "\n" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"null", b"[]", b"1", b'"x"', b"true", b"[{}]"])
def test_json_that_is_no_object_is_400(api: Api, content: bytes) -> None:
    """Also for a body whose fields are all optional."""
    key_id = api.created()["id"]
    patched = api.call(
        "PATCH", f"/api-keys/{key_id}", content=content, headers={"content-type": "application/json"}
    )
    assert (post(api, content).status_code, patched.status_code) == (400, 400)


@pytest.mark.parametrize("name", ["\\u0000", "\\u0007", "\\u2028", "\\u200b"])
def test_unprintable_text_is_refused(api: Api, name: str) -> None:
    """Names are for people."""
    answer = post(api, f'{{"name": "a{name}b", "allowed_models": ["m"]}}'.encode())
    assert error_of(answer) == (400, None, "name")


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/spend-policy", {"alert_webhook_signing_secret": "a\0" * 16}, "alert_webhook_signing_secret"),
        ("/spend-policy", {"alert_webhook_urls": ["https://a.example/\0"]}, "alert_webhook_urls.0"),
        ("/workload-identities/app", {"audience": "a\0"}, "audience"),
        ("/workload-identities/app", {"issuer": "https://a.example/\0"}, "issuer"),
        ("/workload-identities/app", {"claims": {"sub": "a\0"}}, "claims.sub"),
        ("/workload-identities/app", {"claim_patterns": {"sub": "a\0"}}, "claim_patterns.sub"),
    ],
)
def test_text_that_not_every_store_holds_is_refused(
    api: Api, path: str, body: dict[str, Any], param: str
) -> None:
    """PostgreSQL's has no NUL: what would fail there is told here, by its field."""
    whole = {"monthly_cap_usd": 5} if path == "/spend-policy" else IDENTITY
    assert error_of(api.call("PUT", path, json={**whole, **body})) == (400, None, param)


def test_a_half_surrogate_pair_as_field_name_is_refused(api: Api) -> None:
    """It could not even be quoted in an error."""
    assert error_of(post(api, b'{"metadata": {"\\ud83d": "x"}}')) == (400, "invalid_json", None)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/jsonp",
        "multipart/form-data; boundary=x",
        "",
        "application/json, application/json",
    ],
)
def test_another_content_type_is_415(api: Api, content_type: str | None) -> None:
    """Nothing is guessed."""
    assert error_of(post(api, b"{}", content_type=content_type)) == (415, "unsupported_media_type", None)


def test_a_missing_or_doubled_content_type_is_415(api: Api) -> None:
    """Exactly one."""
    json_type = ("content-type", "application/json")
    plain = list(api.headers.items())
    api.headers = {}
    answers = [
        api.portal.call(partial(api._call, "POST", "/api-keys", [*plain, *extra], content=b"{}"))
        for extra in ([], [json_type, json_type])
    ]
    assert [answer.status_code for answer in answers] == [415, 415]


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'],
)
def test_json_in_utf_8_is_taken(api: Api, content_type: str | None) -> None:
    """However it is written."""
    answer = post(api, b'{"name": "x", "allowed_models": ["gemma2-9b-it"]}', content_type=content_type)
    assert answer.status_code == 201


def test_a_body_at_the_limit_is_read(api: Api) -> None:
    """64 KiB pass the door."""
    assert error_of(post(api, b'{"name": "' + b"x" * (LIMIT - 12) + b'"}')) == (400, None, "allowed_models")


def test_a_body_over_the_limit_is_413(api: Api) -> None:
    """One byte more does not."""
    answer = post(api, b" " * (LIMIT + 1))
    assert error_of(answer) == (413, "request_too_large", None)
    assert answer.headers["connection"] == "close"


def test_a_chunked_body_over_the_limit_is_413(api: Api) -> None:
    """Also when no content-length announces it: reading stops at the limit."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    assert error_of(post(api, endless())) == (413, "request_too_large", None)
    assert sent <= LIMIT + 2048


def test_long_input_makes_no_long_error(api: Api) -> None:
    """Message and param are cut."""
    error = api.call("POST", "/api-keys", json=KEY | {"x" * 60_000: 1}).json()["error"]
    assert (len(error["message"]), len(error["param"])) == (1_000, 200)


def test_a_compressed_body_is_415(api: Api) -> None:
    """As on the inference plane, in the same words."""
    answer = post(api, b"{}", content_encoding="gzip")
    assert error_of(answer) == (415, "unsupported_content_encoding", None)
    assert error_of(post(api, b"{}", content_encoding="identity"))[0] == 400
