"""Files and batches through both official clients, in front of an upstream that outlives the gateway."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import groq
import httpx
import openai
import pytest

from batch_bench import MODEL, line
from batch_upstream import BatchUpstream, batch_upstream
from gateway_process import Server
from patience import until
from pulumi_groq.catalogue import Catalogue

LINES = b"".join(line(number) for number in range(20))
ENDPOINT: Any = "/v1/chat/completions"


@pytest.fixture
def upstream() -> Iterator[BatchUpstream]:
    with batch_upstream() as upstream:
        yield upstream


@pytest.fixture
def start(start_server: Callable[..., Server], upstream: BatchUpstream) -> Callable[[], Server]:
    """Starts the gateway on the test's store."""
    return lambda: start_server("--upstream", upstream.url)


def new_key(server: Server, name: str) -> str:
    """A key with a budget of 1 USD; its value."""
    with server.client() as admin:
        body = {"name": name, "allowed_models": [MODEL], "monthly_budget_usd": 1}
        made = admin.post("/api-keys", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["api_key"])


def usage(server: Server) -> dict[str, Any]:
    """What the first key has used this month."""
    with server.client() as admin:
        used: dict[str, Any] = admin.get("/usage").json()["usage_by_key"][0]["month_to_date"]
    return used


def expected_cost_usd() -> float:
    model = Catalogue.load().get(MODEL)
    assert model is not None
    return 20 * model.cost_micro_usd(prompt_tokens=11, completion_tokens=7, batch=True) / 1e6


def test_groq_client_runs_a_batch(start: Callable[[], Server]) -> None:
    """Upload, create, look, read the results, list, delete: with the costs that the results state."""
    server = start()
    client = groq.Groq(api_key=new_key(server, "batch-processor"), base_url=server.url)
    file = client.files.create(file=("in.jsonl", io.BytesIO(LINES)), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (len(LINES), "in.jsonl", "batch")
    batch = client.batches.create(
        input_file_id=str(file.id), completion_window="24h", endpoint=ENDPOINT, metadata={"job": "nightly"}
    )
    assert batch.metadata == {"job": "nightly"}
    done = client.batches.retrieve(batch.id)
    assert (done.status, done.metadata) == ("completed", {"job": "nightly"})
    assert done.output_file_id is not None
    results = client.files.content(done.output_file_id).read()
    assert len(results.splitlines()) == 20
    assert usage(server) == {"requests": 21, "tokens": 20 * 18, "cost_usd": expected_cost_usd()}
    assert [each.id for each in client.batches.list().data] == [batch.id]
    assert client.files.info(str(file.id)).id == file.id
    assert client.files.delete(str(file.id)).deleted
    assert [each.id for each in client.files.list().data or []] == [done.output_file_id]


def test_openai_client_pages_and_cancels(start: Callable[[], Server]) -> None:
    """Its own types fit, and its cursor goes through all pages."""
    server = start()
    client = openai.OpenAI(api_key=new_key(server, "one"), base_url=f"{server.url}/openai/v1", max_retries=0)
    file = client.files.create(file=("in.jsonl", LINES), purpose="batch")
    made = [
        client.batches.create(input_file_id=file.id, completion_window="24h", endpoint=ENDPOINT).id
        for _ in range(5)
    ]
    assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
    assert client.batches.cancel(made[0]).status == "cancelled"
    with pytest.raises(openai.ConflictError, match="still needs this file"):
        client.files.delete(file.id)


def test_nobody_else_sees_a_lineages_files_and_batches(start: Callable[[], Server]) -> None:
    """What is another's is answered as what there is not."""
    server = start()
    owner = openai.OpenAI(api_key=new_key(server, "one"), base_url=f"{server.url}/openai/v1")
    file = owner.files.create(file=("in.jsonl", LINES), purpose="batch")
    batch = owner.batches.create(input_file_id=file.id, completion_window="24h", endpoint=ENDPOINT)
    other = openai.OpenAI(api_key=new_key(server, "two"), base_url=f"{server.url}/openai/v1")
    assert (list(other.files.list()), list(other.batches.list())) == ([], [])
    attempts: list[Callable[[], object]] = [
        lambda: other.files.retrieve(file.id),
        lambda: other.files.content(file.id),
        lambda: other.files.delete(file.id),
        lambda: other.batches.retrieve(batch.id),
        lambda: other.batches.cancel(batch.id),
        lambda: other.batches.create(input_file_id=file.id, completion_window="24h", endpoint=ENDPOINT),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()


def test_bad_line_never_becomes_a_file(start: Callable[[], Server], upstream: BatchUpstream) -> None:
    """The upload is broken off: the upstream has nothing whole, and the caller is told the line."""
    server = start()
    client = openai.OpenAI(api_key=new_key(server, "one"), base_url=f"{server.url}/openai/v1", max_retries=0)
    with pytest.raises(openai.BadRequestError, match="Line 21 of the file"):
        client.files.create(file=("in.jsonl", LINES + b"{}\n"), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="purpose must be batch"):
        client.files.create(file=("in.jsonl", LINES), purpose="fine-tune")
    assert upstream.echo.files == {}


@pytest.mark.parametrize("route", ["files", "batches"])
def test_compressed_body_is_refused_as_on_every_route(start: Callable[[], Server], route: str) -> None:
    """415 for an upload as for a creation: how large it becomes is not known before it is read."""
    server = start()
    headers = {
        "authorization": f"Bearer {new_key(server, 'one')}",
        "content-encoding": "gzip",
        "content-type": "multipart/form-data; boundary=x",
    }
    answer = httpx.post(
        f"{server.url}/openai/v1/{route}", content=b"x", headers=headers, trust_env=False, timeout=60
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_content_encoding")


def found(client: openai.OpenAI) -> Any:
    """The only batch, once the gateway knows it: one that was not answered is looked for at the start."""
    (batch,) = until(lambda: list(client.batches.list()), "the gateway has found the batch")
    return batch


@pytest.mark.parametrize("is_deaf", [False, True])
def test_killed_gateway_books_the_batch_after_its_restart(
    start: Callable[[], Server], upstream: BatchUpstream, is_deaf: bool
) -> None:
    """kill -9 after the creation, answered or not: the money stays reserved, and then is what was used."""
    server = start()
    value = new_key(server, "one")
    client = openai.OpenAI(api_key=value, base_url=f"{server.url}/openai/v1", max_retries=0)
    file = client.files.create(file=("in.jsonl", LINES), purpose="batch")
    upstream.is_deaf = is_deaf
    try:
        client.batches.create(input_file_id=file.id, completion_window="24h", endpoint=ENDPOINT)
    except openai.InternalServerError as failure:
        assert is_deaf and failure.status_code == 502  # noqa: PT017, PT018  one of two cases
    server.kill()
    server = start()
    client = openai.OpenAI(api_key=value, base_url=f"{server.url}/openai/v1", max_retries=0)
    batch = found(client)
    assert client.batches.retrieve(batch.id).status == "completed"
    assert usage(server)["cost_usd"] == expected_cost_usd()
    server.kill()
    server = start()
    assert usage(server)["cost_usd"] == expected_cost_usd()
    assert server.stop() == 0


@pytest.mark.parametrize(
    "limit", ["0001", "1" + "0" * 4400, "0001" + "0" * 4400, "1e2", "-1", "%D9%A3", "101"]
)
def test_a_strange_limit_of_a_list_is_400(start: Callable[[], Server], limit: str) -> None:
    """Also one with so many digits that Python reads no number in it."""
    server = start()
    headers = {"authorization": f"Bearer {new_key(server, 'lister')}"}
    for route in ("files", "batches"):
        answer = httpx.get(f"{server.url}/openai/v1/{route}?limit={limit}", headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


def test_a_paused_key_uploads_nothing(start: Callable[[], Server], upstream: BatchUpstream) -> None:
    """What it has stays readable, and its batches can be cancelled."""
    server = start()
    with server.client() as admin:
        body = {"name": "loop", "allowed_models": [MODEL], "runaway": {"spend_usd_per_10_min": 0.000001}}
        made = admin.post("/api-keys", json=body).json()
    client = openai.OpenAI(api_key=made["api_key"], base_url=f"{server.url}/openai/v1", max_retries=0)
    kept = client.files.create(file=("in.jsonl", io.BytesIO(LINES)), purpose="batch")
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5}
    headers = {"authorization": f"Bearer {made['api_key']}"}
    address = f"{server.url}/openai/v1/chat/completions"

    def refusal() -> Any:
        answer = httpx.post(address, json=chat, headers=headers, timeout=60)
        return None if answer.is_success else answer.json()["error"]

    assert until(refusal, "the key is paused")["code"] == "key_paused_runaway"
    with pytest.raises(openai.BadRequestError, match="is paused since"):
        client.files.create(file=("in.jsonl", io.BytesIO(LINES)), purpose="batch")
    assert [each.id for each in client.files.list().data] == [kept.id]
