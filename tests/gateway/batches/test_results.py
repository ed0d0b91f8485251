"""Results are believed as far as the batch can have caused them, and never cost more than was held."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_bench import MODEL, result
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches.results import ResultReader
from pulumi_groq.gateway.metering.journal import fault_of
from pulumi_groq.gateway.store.batches import BatchRecord

CATALOGUE = Catalogue.load()
HELD = 400
USAGE = {"prompt_tokens": 100, "completion_tokens": 50}


OTHER = "openai/gpt-oss-120b"


def of_two_models(held: int, held_of_other: int) -> BatchRecord:
    """A dear request of one, and two of the other that may differ in size."""
    worst = {OTHER: [2, 250, 110, 0, 200, 100], MODEL: [1, 200, 100, 0, 200, 100]}
    return record()._replace(worst=worst, held_by_model_micro_usd={OTHER: held_of_other, MODEL: held})


def record(requests: int = 3, **document: Any) -> BatchRecord:
    """A batch of requests with at most 200 prompt tokens and 100 completion tokens each."""
    worst = {MODEL: [requests, 200 * requests, 100 * requests, 0, 200, 100]}
    return BatchRecord(
        "req_1", "batch_1", "key_1", "key_1", None, "file_1", worst, {MODEL: HELD}, document, 10**15
    )


def costs(
    content: bytes, batch: BatchRecord | None = None, pieces: int = 1, told: list[str] | None = None
) -> list[int]:
    """What each booked row costs; `told` gets why a usage is not believed."""
    reader = ResultReader(batch or record(), CATALOGUE, ([] if told is None else told).append)
    step = max(1, -(-len(content) // pieces))
    for at in range(0, len(content), step):
        reader.feed(content[at : at + step])
    reader.finish_file()
    rows = reader.rows(1_800_000_000.0)
    assert [fault_of(row.settlement) for row in rows] == [None] * len(rows)
    assert len({row.settlement.request_id for row in rows}) == len(rows)
    return [row.settlement.cost_micro_usd for row in rows]


def price(prompt: int, completion: int) -> int:
    model = CATALOGUE.get(MODEL)
    assert model is not None
    return model.cost_micro_usd(prompt_tokens=prompt, completion_tokens=completion, batch=True)


@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_each_result_costs_what_it_states(pieces: int) -> None:
    """At the batch price, a row a result; failed ones are booked without a cost."""
    content = result(0, **USAGE) + result(1, status=400) + result(2, prompt_tokens=7, completion_tokens=0)
    assert costs(content, pieces=pieces) == [price(100, 50), 0, price(7, 0)]


def test_cached_tokens_do_not_lower_the_batch_price() -> None:
    """That both discounts hold is published nowhere."""
    cached: dict[str, Any] = {**USAGE, "prompt_tokens_details": {"cached_tokens": 90}}
    assert costs(result(0, **cached)) == [price(100, 50)]


DOUBTFUL = {
    "more prompt": {"prompt_tokens": 201, "completion_tokens": 1},
    "more completion": {"prompt_tokens": 1, "completion_tokens": 101},
    "negative": {"prompt_tokens": -1, "completion_tokens": 1},
    "float": {"prompt_tokens": 1.5, "completion_tokens": 1},
    "bool": {"prompt_tokens": True, "completion_tokens": 1},
    "text": {"prompt_tokens": "9", "completion_tokens": 1},
    "huge": {"prompt_tokens": 10**30, "completion_tokens": 1},
    "no prompt": {"prompt_tokens": 0, "completion_tokens": 1},
    "no completion": {"prompt_tokens": 9},
}


@pytest.mark.parametrize("usage", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_impossible_usage_costs_the_largest_request(usage: dict[str, Any]) -> None:
    """As any other answer that cannot be believed is charged as reserved; the others stand."""
    assert costs(result(0, **usage) + result(1, **USAGE)) == [price(200, 100), price(100, 50)]


def test_request_that_was_never_served_is_free() -> None:
    """One that expired in the queue has an error and no response."""
    expired = {"custom_id": "r1", "response": None, "error": {"code": "batch_expired", "message": "late"}}
    assert costs(json.dumps(expired).encode() + b"\n") == [0]


@pytest.mark.parametrize("line", [b"no json\n", b"[]\n", b"{}\n", result(0), b'{"response": []}\n'])
def test_result_without_a_usage_costs_the_largest_request(line: bytes) -> None:
    """Something was served, and nobody says what."""
    assert costs(line) == [price(200, 100)]


def test_more_results_than_requests_cost_what_is_held() -> None:
    """They cannot be the batch's own."""
    assert costs(b"".join(result(number, **USAGE) for number in range(4))) == [HELD]


@pytest.mark.parametrize("answer", [b"", b'"model": "openai/gpt-oss-120b"'], ids=["of the dearest", "of one"])
def test_no_model_costs_more_than_is_held_for_it(answer: bytes) -> None:
    """It may have a budget of its own: two of the largest are more than a large and a small one."""
    line = b'{"response": {"status_code": 200, "body": {' + answer + b"}}}\n"
    batch = of_two_models(held=300, held_of_other=60)
    assert costs(line, batch) == [45]
    assert costs(line + line, batch) == [60, 300]
    assert costs(line + line, batch._replace(held_by_model_micro_usd={OTHER: 90, MODEL: 0})) == [45, 45]


@pytest.mark.parametrize("document", [{"status": "completed"}, {"request_counts": {"completed": 2}}])
def test_fewer_results_than_are_stated_cost_what_is_held(document: dict[str, Any]) -> None:
    """The results are somewhere, and were not free."""
    assert costs(b"", record(**document)) == [HELD]


@pytest.mark.parametrize("counts", [None, [], {"completed": "2"}, {"completed": True}, {"completed": -1}])
def test_counts_that_are_none_promise_nothing(counts: Any) -> None:
    """A batch that was cancelled before its first request has no results."""
    assert costs(b"", record(status="cancelled", request_counts=counts)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
RESULTS = st.fixed_dictionaries(
    {},
    optional={
        "response": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "status_code": JSON,
                "body": JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "model": JSON | st.just(MODEL),
                        "usage": JSON
                        | st.fixed_dictionaries(
                            {}, optional={"prompt_tokens": JSON, "completion_tokens": JSON}
                        ),
                    },
                ),
            },
        )
    },
)


@given(st.lists(RESULTS, max_size=5), st.binary(max_size=20))
def test_whatever_stands_in_the_files_can_be_booked(results: list[Any], rest: bytes) -> None:
    """Nothing costs less than nothing, nor all of it more than was held."""
    content = b"".join(json.dumps(each).encode() + b"\n" for each in results) + rest
    booked = costs(content)
    assert min(booked, default=0) >= 0
    assert sum(booked) <= HELD


def test_what_is_not_believed_is_told() -> None:
    """As of any other answer, so that the metric and its alert see batches, too."""
    told: list[str] = []
    costs(result(0, prompt_tokens=201, completion_tokens=1) + result(1), told=told)
    assert told == ["impossible", "unreadable"]
