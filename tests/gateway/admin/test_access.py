"""Who may use the admin plane, and what every answer carries."""

import re
from typing import Any

import pytest

from admin_plane import KEY, Api, error_of

ROUTES = [
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("GET", "/api-keys/key_01x"),
    ("PATCH", "/api-keys/key_01x"),
    ("DELETE", "/api-keys/key_01x"),
    ("GET", "/admin-keys"),
    ("POST", "/admin-keys"),
    ("DELETE", "/admin-keys/adm_01x"),
    ("GET", "/teams"),
    ("GET", "/teams/x"),
    ("PUT", "/teams/x"),
    ("DELETE", "/teams/x"),
    ("GET", "/spend-policy"),
    ("PUT", "/spend-policy"),
    ("DELETE", "/spend-policy"),
    ("GET", "/usage"),
    ("GET", "/models"),
    ("GET", "/nothing"),
]
INVALID = {
    "error": {"message": "Invalid API Key", "type": "invalid_request_error", "code": "invalid_api_key"}
}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_the_admin_key(api: Api, method: str, path: str) -> None:
    """401 in Groq's constant words, before anything else is looked at."""
    api.headers = {}
    answer = api.call(method, path, content=b"not json")
    assert (answer.status_code, answer.json()) == (401, INVALID)


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        "",
        "Basic admin-key-of-the-tests",
        "admin-key-of-the-tests",
        "Bearer admin-key-of-the-tests2",
        "Bearer admin-key-of-the-test",
        "Bearer ADMIN-KEY-OF-THE-TESTS",
        "Bearer admin-key-of-the-tests, Bearer admin-key-of-the-tests",
    ],
)
def test_anything_but_the_admin_key_is_refused(api: Api, authorization: str) -> None:
    """The whole key, as a bearer token."""
    api.headers = {"authorization": authorization}
    assert api.get("/api-keys").json() == INVALID


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    """`bearer` is a word of HTTP."""
    api.headers = {"authorization": "bearer admin-key-of-the-tests"}
    assert api.get("/api-keys").status_code == 200


def test_two_authorization_headers_are_refused(api: Api) -> None:
    """Which one was meant is not guessed."""
    twice = [*api.headers.items(), *api.headers.items()]
    api.headers = {}
    assert api.portal.call(api._call, "GET", "/api-keys", twice).status_code == 401


def test_a_gateway_key_is_refused(api: Api) -> None:
    """Keys that serve requests administer nothing."""
    api.headers = {"authorization": f"Bearer {api.created()['api_key']}"}
    assert api.get("/api-keys").json() == INVALID


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api-keys"), ("GET", "/nothing"), ("PUT", "/usage"), ("GET", "/teams/x")]
)
def test_every_answer_has_a_request_id_of_its_own(api: Api, method: str, path: str) -> None:
    """And must not be stored on the way."""
    answers = [api.call(method, path, json={}) for _ in range(2)]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert all(re.fullmatch(r"req_01[0-9a-hjkmnp-tv-z]{24}", each) for each in ids)
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 2


def test_an_unknown_path_is_unknown_url(api: Api) -> None:
    """As Groq answers it, with method and path."""
    answer = api.get("/api-keys/a/b")
    assert error_of(answer) == (404, "unknown_url", None)
    assert "GET /openai/v1/api-keys/a/b" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api-keys/", "/spend-policy/", "/usage/", "/Api-Keys"])
def test_no_second_spelling_of_a_path_exists(api: Api, path: str) -> None:
    """No redirect, no folding."""
    assert error_of(api.get(path))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/usage", {"GET"}), ("DELETE", "/api-keys", {"GET", "POST"}), ("HEAD", "/teams", {"GET"})],
)
def test_an_unserved_method_is_405(api: Api, method: str, path: str, allowed: set[str]) -> None:
    """`allow` names the ones that are served."""
    answer = api.call(method, path, json={})
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)


def test_the_openapi_document_needs_no_key(api: Api) -> None:
    """It holds no secret."""
    api.headers = {}
    answer = api.portal.call(api._call, "GET", "http://gateway/openapi.json", {})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "place", ["/api-keys/{}", "/api-keys?after={}", "/api-keys?{}=1", "/api-keys/{}/x", "/teams/{}"]
)
def test_a_value_sent_to_the_wrong_place_is_not_shown_back(api: Api, place: Any) -> None:
    """Error texts end up in logs."""
    value = api.created()["api_key"]
    answer = api.call("GET", place.format(value))
    assert (answer.is_error, value in answer.text) == (True, False)


def test_a_value_in_a_body_is_not_shown_back(api: Api) -> None:
    """Not as a field's name, nor where the message quotes a value."""
    value = api.created()["api_key"]
    answers = [
        api.call("POST", "/api-keys", json=KEY | {value: 1}),
        api.create(team=value),
        api.create(allowed_models=[value]),
    ]
    assert [(answer.status_code, value in answer.text) for answer in answers] == [(400, False)] * 3
