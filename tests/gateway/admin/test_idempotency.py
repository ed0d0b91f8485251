"""Idempotency-Key on POST /openai/v1/api-keys."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from admin_plane import Api, error_of
from pulumi_groq.gateway.store.schema import idempotency


def test_a_repeat_gets_the_same_answer_value_included(api: Api) -> None:
    """A lost answer is not a lost key: status, body and value are the same again."""
    first = api.create(idempotency_key="one")
    again = api.create(idempotency_key="one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(api.get("/api-keys").json()["data"]) == 1


def test_only_a_replay_says_that_it_is_one(api: Api) -> None:
    """`idempotent-replayed: true` is on the second answer alone."""
    answers = [api.create(idempotency_key="one") for _ in range(2)]
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]


def test_the_same_wish_written_otherwise_is_the_same_body(api: Api) -> None:
    """Order of fields and models, and defaults written out, do not make another body."""
    models = ["llama-3.1-8b-instant", "gemma2-9b-it"]
    first = api.create(idempotency_key="one", allowed_models=models)
    again = api.create(idempotency_key="one", allowed_models=models[::-1], metadata={}, team=None)
    assert again.json() == first.json()


def test_another_body_is_refused(api: Api) -> None:
    """One Idempotency-Key means one key."""
    api.create(idempotency_key="one")
    answer = api.create(idempotency_key="one", name="other")
    assert error_of(answer) == (409, "idempotency_key_reused", None)


def test_other_keys_and_no_key_mint_anew(api: Api) -> None:
    """Only the same Idempotency-Key repeats."""
    answers = [api.create(idempotency_key=key) for key in ("one", "two", None, None)]
    assert len({answer.json()["id"] for answer in answers}) == 4


def test_a_replay_shows_the_answer_as_it_was(api: Api) -> None:
    """Later changes of the key do not change what the create answered."""
    first = api.create(idempotency_key="one")
    api.patch(first.json()["id"], requests_per_minute=5)
    assert api.create(idempotency_key="one").json() == first.json()


def test_a_replay_is_answered_whatever_has_become_impossible(api: Api) -> None:
    """The expiry may have passed and the lineage be full: the key was made, so it is shown."""
    parent = api.created()
    body = {"replaces": parent["id"], "expires_at": "2026-11-23T13:00:00Z"}
    first = api.create(idempotency_key="one", **body)
    api.clock.advance(hours=2)
    assert api.create(idempotency_key="one", **body).json() == first.json()


def test_deleting_the_key_forgets_the_record(api: Api) -> None:
    """A create after the delete mints a new key."""
    first = api.create(idempotency_key="one").json()
    api.delete(f"/api-keys/{first['id']}")
    again = api.create(idempotency_key="one")
    assert (again.status_code, again.json()["id"] == first["id"]) == (201, False)


def test_the_answer_is_kept_for_24_hours(api: Api) -> None:
    """Up to the last microsecond."""
    first = api.create(idempotency_key="one")
    api.clock.advance(hours=24, microseconds=-1)
    assert api.create(idempotency_key="one").json() == first.json()


def test_after_24_hours_the_key_is_named_and_not_minted_again(api: Api) -> None:
    """While the key lives the repeat is refused, and says which key it made."""
    first = api.create(idempotency_key="one").json()
    api.clock.advance(hours=24)
    answer = api.create(idempotency_key="one")
    assert error_of(answer) == (409, "idempotency_key_expired", None)
    assert answer.headers["x-api-key-id"] == first["id"]
    assert first["id"] in answer.json()["error"]["message"]


def test_expired_answers_are_gone_from_the_store(api: Api) -> None:
    """The next create of any key drops what was sealed."""
    api.create(idempotency_key="one")
    api.clock.advance(hours=24)
    api.create(idempotency_key="two")
    with api.store.read() as connection:
        rows = connection.execute(idempotency.select()).all()
    assert {row.key: row.sealed_answer is None for row in rows} == {"one": True, "two": False}


def test_a_changed_server_secret_reads_as_expired(make_api: Callable[..., Api]) -> None:
    """What was sealed with another secret cannot be shown; the key is named instead."""
    before = make_api(secret="before" * 8)
    first = before.create(idempotency_key="one").json()
    before.stop()
    after = make_api(secret="after" * 8)
    answer = after.create(idempotency_key="one")
    assert error_of(answer) == (409, "idempotency_key_expired", None)
    assert answer.headers["x-api-key-id"] == first["id"]


def test_a_refused_create_keeps_no_record(api: Api) -> None:
    """The same Idempotency-Key works once the body is put right."""
    api.create(idempotency_key="one", allowed_models=["no-such-model"])
    assert api.create(idempotency_key="one").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\tbed"])
def test_an_unusable_idempotency_key_is_refused(api: Api, key: str) -> None:
    """1 to 255 printable ASCII characters without spaces."""
    assert error_of(api.create(idempotency_key=key)) == (400, None, "Idempotency-Key")


def test_two_idempotency_keys_are_refused(api: Api) -> None:
    """Which one was meant is not guessed."""
    headers = [("idempotency-key", "one"), ("idempotency-key", "two"), *api.headers.items()]
    api.headers = {}
    answer = api.portal.call(api._call, "POST", "/api-keys", headers)
    assert error_of(answer) == (400, None, "Idempotency-Key")


def test_the_store_holds_neither_the_value_nor_its_answer_in_clear(api: Api) -> None:
    """The sealed answer is the only trace, and it is not readable."""
    value = api.create(idempotency_key="one").json()["api_key"]
    with api.store.read() as connection:
        dump = [
            repr(tuple(row))
            for table in ("api_keys", "idempotency")
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 (two fixed names)
        ]
    assert [value in row or value[4:40] in row for row in dump] == [False, False]
