"""Every way in which a call fails: its class, its fields, and the one line that a person reads."""

import json
import ssl
from typing import Any

import httpx
import pytest

from pulumi_groq import errors
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.admin.answers import AnswerReader
from pulumi_groq.admin.sending import Call, HttpAnswer
from pulumi_groq.admin.settings import Redaction
from pulumi_groq.admin.workload_login import WorkloadLogin
from pulumi_groq.models.api_key import ApiKeyCreate

KEY_ID = "key_01000000000000000000000001"
REQUEST = {"x-request-id": "req_01abc"}
NEW_KEY = ApiKeyCreate(name="chatbot-prod", allowed_models=["m"])
GAVE_UP = "gave up after 7 attempts in 16 s"


def failure_of(client: AdminClient) -> errors.GroqError:
    with pytest.raises(errors.GroqError) as caught:
        client.create_key(NEW_KEY, "token")
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, None, errors.InvalidRequestError),
        (400, "blocked_api_access", errors.SpendingPausedError),
        (401, "invalid_api_key", errors.InvalidApiKeyError),
        (403, None, errors.PermissionDeniedError),
        (403, "insufficient_role", errors.InsufficientRoleError),
        (404, "api_key_not_found", errors.NotFoundError),
        (404, "unknown_url", errors.UnexpectedAnswerError),
        (404, None, errors.UnexpectedAnswerError),
        (409, "key_in_use", errors.ConflictError),
        (413, "request_too_large", errors.RequestTooLargeError),
        (422, None, errors.ApiError),
        (429, "rate_limit_exceeded", errors.RateLimitError),
        (503, "store_unavailable", errors.ServerError),
        (501, None, errors.ServerError),
    ],
)
def test_error_class(
    status: int, code: str | None, kind: type[errors.ApiError], make_client: Any, refusal: Any
) -> None:
    """Status and code decide the class; "gone" needs the admin API's own word for it."""
    assert type(failure_of(make_client(refusal(status, code)))) is kind


def test_error_carries_the_facts(make_client: Any, refusal: Any) -> None:
    """Code that handles an error finds everything in fields."""
    headers = REQUEST | {"x-api-key-id": KEY_ID, "retry-after": "3"}
    error = failure_of(make_client(refusal(409, "already_declared", param="name", headers=headers)))
    assert vars(error) == {
        "status": 409,
        "code": "already_declared",
        "param": "name",
        "request_id": "req_01abc",
        "retry_after_s": 3.0,
        "key_id": KEY_ID,
    }


@pytest.mark.parametrize(
    ("status", "code", "param", "message", "expected"),
    [
        (
            400,
            None,
            "allowed_models.0",
            "must not be empty",
            "cannot create API key 'chatbot-prod': must not be empty "
            "(400, at allowed_models.0, request req_01abc)",
        ),
        (
            401,
            "invalid_api_key",
            None,
            "Invalid API Key",
            "cannot create API key 'chatbot-prod': Invalid API Key (401 invalid_api_key, request req_01abc); "
            "correct the admin key: give AdminSettings another admin_key",
        ),
        (
            409,
            "rotation_in_progress",
            None,
            "key_01x must\n go first",
            "cannot create API key 'chatbot-prod': key_01x must go first "
            "(409 rotation_in_progress, request req_01abc)",
        ),
        (
            413,
            "request_too_large",
            None,
            "",
            "cannot create API key 'chatbot-prod': Request Entity Too Large "
            "(413 request_too_large, request req_01abc); "
            "send less: shorter lists, fewer or shorter metadata labels",
        ),
        (
            404,
            "unknown_url",
            None,
            "Unknown request URL",
            "cannot create API key 'chatbot-prod': Unknown request URL (404 unknown_url, request req_01abc); "
            "check that http://127.0.0.1:8700 is the admin API, in a version that fits: "
            "give AdminSettings another base_url",
        ),
        (
            503,
            "store_unavailable",
            None,
            "The store is down",
            "cannot create API key 'chatbot-prod': The store is down "
            "(503 store_unavailable, request req_01abc); "
            "gave up after 8 attempts in 24 s; try again later",
        ),
    ],
)
def test_error_line(
    status: int,
    code: str | None,
    param: str | None,
    message: str,
    expected: str,
    make_client: Any,
    refusal: Any,
) -> None:
    """One line: what failed, why, what to do."""
    assert expected == str(failure_of(make_client(refusal(status, code, message, param, REQUEST))))


@pytest.mark.parametrize(
    ("status", "body", "headers", "why"),
    [
        (
            302,
            b"",
            {"location": "https://elsewhere.example/"},
            "the answer is a redirect, which is not followed",
        ),
        (
            308,
            b"",
            {"location": "https://elsewhere.example/"},
            "the answer is a redirect, which is not followed",
        ),
        (304, b"", {}, "the answer is a redirect"),
        (200, b"<html>Sign in</html>", {}, "the answer is not JSON, or is cut off (200)"),
        (204, b"", {}, "the answer is not JSON, or is cut off (204)"),
        (201, b'{"object": "api_key", "id": "key_01', {}, "the answer is not JSON, or is cut off (201)"),
        (200, b"\xff\xfe", {}, "the answer is not JSON, or is cut off (200)"),
        (200, b"[]", {}, "the answer does not fit at `its root` (200)"),
        (200, b"null", {}, "the answer does not fit at `its root` (200)"),
        (404, b"<html>nginx</html>", {}, "there is no such address (404)"),
        (404, b'{"detail": "Not Found"}', {}, "there is no such address (404)"),
    ],
)
def test_answers_of_others_are_recognised(
    status: int, body: bytes, headers: dict[str, str], why: str, make_client: Any, script: Any, answer: Any
) -> None:
    """A proxy, a sign-in page or another API is named as such, once, with the address to check."""
    server = script(answer(status, body, headers))
    error = failure_of(make_client(server))
    assert type(error) is errors.UnexpectedAnswerError
    assert why in str(error)
    assert "check that http://127.0.0.1:8700 is the admin API" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.InvalidApiKeyError),
        (403, errors.PermissionDeniedError),
        (413, errors.RequestTooLargeError),
        (429, errors.RateLimitError),
        (502, errors.ServerError),
        (599, errors.ServerError),
        (499, errors.ApiError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>proxy-body</html>", b"{}", b'{"error": "proxy-body"}', b"[1]"])
def test_error_without_groqs_envelope(
    status: int, kind: type[errors.ApiError], body: bytes, make_client: Any, answer: Any
) -> None:
    """An error page of a proxy is classed by its status, and its text stays out of the message."""
    error = failure_of(make_client(answer(status, body)))
    assert type(error) is kind
    assert "proxy-body" not in str(error)
    assert "\n" not in str(error)


def test_misfit_names_the_field_and_not_the_value(make_client: Any, answer: Any, key_body: Any) -> None:
    """An answer that does not fit is described by our own field names only."""
    body = key_body(api_key="pgq_value", status="hunter2", metadata={"hunter2": 5})
    error = failure_of(make_client(answer(201, body, REQUEST)))
    assert "the answer does not fit at `metadata` (201, request req_01abc)" in str(error)
    assert "hunter2" not in str(error)
    assert "pgq_" not in str(error)


def test_keys_are_masked_wherever_the_server_puts_them(
    make_client: Any, refusal: Any, settings: AdminSettings
) -> None:
    """A server that echoes credentials does not get them into a log."""
    secret = settings.admin_key
    echoed = f"Bearer {secret} and pgq_{'a' * 48}"
    error = failure_of(
        make_client(
            refusal(400, f"c-{secret}", echoed, secret, {"x-request-id": secret, "x-api-key-id": secret})
        )
    )
    shown = f"{error} {vars(error)}"
    assert secret not in shown
    assert "pgq_a" not in shown
    assert "Bearer [key] and [key] (400 c-[key], at [key], request [key])" in str(error)


def test_long_message_is_cut(make_client: Any, refusal: Any) -> None:
    """However much the server says, the line stays readable."""
    assert len(str(failure_of(make_client(refusal(400, "x" * 5000, "y" * 5000))))) < 600


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("[Errno 111] refused"), "no connection ([Errno 111] refused); tried 3 times"),
        (httpx.ConnectTimeout("timed out"), "no connection within 5 s (timed out); tried 3 times"),
        (httpx.ReadTimeout("timed out"), f"the server stayed silent for too long (timed out); {GAVE_UP}"),
        (
            httpx.RemoteProtocolError("ended"),
            f"the connection broke (ended); if it speaks TLS, its address begins with https; {GAVE_UP}",
        ),
        (httpx.ReadError(""), f"the connection broke; {GAVE_UP}"),
        (httpx.ProxyError("407"), f"the proxy refused (407); {GAVE_UP}"),
    ],
)
def test_no_answer_line(error: httpx.TransportError, reason: str, make_client: Any, broken: Any) -> None:
    """Without an answer the line says what happened to the connection, and which setting has the address."""
    caught = failure_of(make_client(broken(error)))
    assert type(caught) is errors.NoAnswerError
    assert str(caught) == (
        f"cannot create API key 'chatbot-prod': no answer from http://127.0.0.1:8700: {reason}; "
        "check that the gateway runs there, or correct the address: give AdminSettings another base_url"
    )


def test_library_text_is_masked_too(make_client: Any, broken: Any, settings: AdminSettings) -> None:
    """A library that quotes a header does not get the key into a log, not even as the error's cause."""
    caught = failure_of(make_client(broken(httpx.LocalProtocolError(f"Illegal b'{settings.admin_key}'"))))
    assert settings.admin_key not in str(caught)
    assert caught.__cause__ is None


def test_bad_certificate_is_not_tried_again(make_client: Any, script: Any) -> None:
    """A certificate that does not verify will not verify a second later."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("CERTIFICATE_VERIFY_FAILED") from ssl.SSLCertVerificationError("self-signed")

    server = script(refuse)
    assert type(failure_of(make_client(server))) is errors.NoAnswerError
    assert len(server.requests) == 1


def test_broken_compression_is_not_tried_again(make_client: Any, script: Any, answer: Any) -> None:
    """An answer that cannot be decompressed gives one line."""
    server = script(answer(200, b"not gzip", {"content-encoding": "gzip"}))
    error = failure_of(make_client(server))
    assert "the answer's content encoding is broken" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTP_PROXY", "foo:bar"), ("HTTPS_PROXY", "ftp://h"), ("SSL_CERT_FILE", "/nowhere/ca.pem")],
)
def test_unusable_environment_is_a_setting_error(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy or certificate variable that httpx cannot use gives one line that names the variables."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(errors.ConfigurationError, match=r"cannot set up HTTP: .* in the environment"):
        AdminClient(AdminSettings("http://127.0.0.1:8700", "adm-0123456789"))


def test_cookies_are_neither_kept_nor_sent(
    make_client: Any, script: Any, answer: Any, usage_body: Any
) -> None:
    """A proxy's cookie changes nothing about the next request."""
    server = script(answer(200, usage_body, {"set-cookie": "session=a"}))
    client = make_client(server)
    client.usage()
    client.usage()
    assert ["cookie" in request.headers for request in server.requests] == [False, False]


STACK = AdminSettings.found({"baseUrl": "http://127.0.0.1:8700", "adminKey": "adm-0123456789"}.get, {})
ENVIRONMENT = AdminSettings.from_environment(
    {"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:8700", "GROQ_ADMIN_KEY": "adm-0123456789"}
)
WORKLOAD = AdminSettings("http://127.0.0.1:8700", workload=WorkloadLogin(token_file="token", identity="ci"))
FOR_MODELS = AdminSettings("http://127.0.0.1:8700", "pgq_0123456789")


@pytest.mark.parametrize(
    ("settings", "status", "code", "advice"),
    [
        (
            STACK,
            401,
            "invalid_api_key",
            "run `pulumi config set --secret groq:adminKey` or set GROQ_ADMIN_KEY",
        ),
        (STACK, 404, "unknown_url", "run `pulumi config set groq:baseUrl URL` or set GROQ_ADMIN_BASE_URL"),
        (ENVIRONMENT, 401, "invalid_api_key", "; correct the admin key: set GROQ_ADMIN_KEY"),
        (ENVIRONMENT, 403, "insufficient_role", "; use an admin key with that role: set GROQ_ADMIN_KEY"),
        (ENVIRONMENT, 404, "unknown_url", "in a version that fits: set GROQ_ADMIN_BASE_URL"),
        (
            WORKLOAD,
            403,
            "insufficient_role",
            "; use a workload identity that may do this: give WorkloadLogin",
        ),
        (FOR_MODELS, 401, "invalid_api_key", "; the key is one for calling models, not an admin key: give"),
    ],
)
def test_advice_is_for_where_the_settings_came_from(
    settings: AdminSettings, status: int, code: str, advice: str
) -> None:
    """A command knows no stack, and a program neither: each is told what it can change itself."""
    reader = AnswerReader(settings, Redaction(settings.admin_key))
    body = json.dumps({"error": {"message": "No", "type": "x", "code": code}}).encode()
    error = reader.error(Call("read usage", "GET", "/usage"), HttpAnswer(status, httpx.Headers(), body))
    assert advice in str(error)
    assert "pulumi config" not in str(error) or settings is STACK
