"""The allow-list of the inference plane."""

import json
from collections.abc import Callable
from typing import Any

import pytest

CHAT = b'{"model":"openai/gpt-oss-20b","messages":[{"role":"user","content":"hi"}]}'


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/chat/completions/",
        "/openai/v1//chat/completions",
        "//openai/v1/chat/completions",
        "/openai/v1/chat/../chat/completions",
        "/openai/v1/./chat/completions",
        "/openai/v1/Chat/Completions",
        "/OPENAI/v1/chat/completions",
        "/v1/chat/completions",
        "/openai/v1/chat/completions;x=1",
        "/openai/v1/chat/completions ",
        "/openai/v1/completions",
        "/openai/v1/fine_tuning/jobs",
        "/openai/v1/models/",
        "/",
        "",
    ],
)
def test_other_spellings_are_unknown(bench: Callable[..., Any], path: str) -> None:
    """A path that is not exactly a listed one is Groq's 404, and nothing reaches the upstream."""
    made = bench()
    answer = made.request("POST", path, CHAT)
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "unknown_url"
    assert made.echo.calls.total() == 0


@pytest.mark.parametrize("raw", [b"/openai/v1/chat%2Fcompletions", b"/openai/v1/chat/%63ompletions"])
def test_an_encoded_path_is_unknown(bench: Callable[..., Any], raw: bytes) -> None:
    """A percent-encoded spelling of a listed path is not that path."""
    answer = bench().request("POST", "/openai/v1/chat/completions", CHAT, raw_path=raw)
    assert answer.status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
def test_other_methods_are_unknown(bench: Callable[..., Any], method: str) -> None:
    """A listed path with another method is Groq's 404."""
    assert bench().request(method, "/openai/v1/chat/completions", CHAT).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "batches/",
        "files/",
        "files/file_1/",
        "files/file_1/content/",
        "files/a%2Fb",
        "files/..",
        "batches/b/stop",
        "batches/" + "b" * 129,
        "files//content",
        "batches/b/cancel/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_spellings_of_files_and_batches_are_unknown(
    bench: Callable[..., Any], path: str, method: str
) -> None:
    """Ids are letters, digits, hyphens and underscores; nothing is decoded or normalised."""
    assert bench().request(method, f"/openai/v1/{path}", b"{}").status == 404


def test_models_are_the_keys_own(bench: Callable[..., Any]) -> None:
    """GET models lists what the key may use and the catalogue knows, and nothing else."""
    listed = json.loads(bench().request("GET", "/openai/v1/models").body)
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == [
        "canopylabs/orpheus-v1-english",
        "llama-3.1-8b-instant",
        "openai/gpt-oss-20b",
        "whisper-large-v3-turbo",
    ]


def test_a_model_is_found_by_its_encoded_id(bench: Callable[..., Any]) -> None:
    """GET models/{id} takes the id with its slash encoded or not."""
    made = bench()
    path = "/openai/v1/models/openai/gpt-oss-20b"
    plain = made.request("GET", path)
    encoded = made.request("GET", path, raw_path=b"/openai/v1/models/openai%2Fgpt-oss-20b")
    assert (plain.status, plain.body) == (200, encoded.body)


def test_anothers_model_is_not_found(bench: Callable[..., Any]) -> None:
    """A model outside the key's list is 404 here, as if it did not exist."""
    answer = bench().request("GET", "/openai/v1/models/openai/gpt-oss-120b")
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "model_not_found"
