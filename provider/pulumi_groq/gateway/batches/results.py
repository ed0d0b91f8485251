"""What a batch's output and error files say was used, as rows of the ledger."""

import json
import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches.lines import worst_costs_micro_usd
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.charge import TokenUsage, UnreadableUsageError, usage_of
from pulumi_groq.gateway.inference.record import Disbelief
from pulumi_groq.gateway.metering.journal import Admission, LedgerRow, Settlement
from pulumi_groq.gateway.store.batches import BatchRecord

LONGEST_RESULT_BYTES: Final = 64 * 1024 * 1024

_log = logging.getLogger("pulumi_groq.gateway.upstream")


class Used(NamedTuple):
    """One request of the batch, over."""

    model: str
    status: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int


class ResultReader:
    """Fed with the files as they come; what it cannot believe is charged as the largest request of its model.

    A usage is believed if one request of the batch can have caused it. More results of a model than requests,
    or a cost above what is held for it, make the whole batch cost what is held: then `rows` is one a model.
    """

    def __init__(
        self, record: BatchRecord, catalogue: Catalogue, disbelieved: Callable[[Disbelief], None]
    ) -> None:
        self._disbelieved = disbelieved
        self._record = record
        self._catalogue = catalogue
        self._rest = b""
        self._used: list[Used] = []

    def feed(self, piece: bytes) -> None:
        """Read the next bytes of a file."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            self._line(line)
        if len(self._rest) > LONGEST_RESULT_BYTES:
            raise ValueError(f"a line is longer than {LONGEST_RESULT_BYTES} bytes")

    def finish_file(self) -> None:
        """A file has ended."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def rows(self, settled_s: float) -> list[LedgerRow]:
        """The requests that are to be booked, at `settled_s` (Unix seconds)."""
        record = self._record
        why = self._fault()
        if why is not None:
            self._disbelieved("impossible")
            _log.warning("batch %s is charged as reserved: %s", record.upstream_id, why)
            return as_reserved(record, settled_s)
        return [
            _row(record, f"{record.request_id}.{number}", used, settled_s)
            for number, used in enumerate(self._used)
        ]

    def _fault(self) -> str | None:
        """Why the results cannot be those of the batch."""
        record = self._record
        left = {model: sums[0] for model, sums in record.worst.items()}
        held = dict(record.held_by_model_micro_usd)  # a budget may be that of one model
        for used in self._used:
            left[used.model] -= 1
            held[used.model] -= used.cost_micro_usd
        if min(*left.values(), *held.values()) < 0:
            return "its results are more than was asked for"
        counts = record.document.get("request_counts")
        completed = counts.get("completed") if isinstance(counts, dict) else None
        least = completed if type(completed) is int else 0
        if record.document.get("status") == "completed":
            least = max(least, 1)
        return "its results are fewer than it says" if len(self._used) < least else None

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        result = _parsed(line)
        response = result.get("response")
        status, answer = None, None
        if isinstance(response, dict):
            status, answer = response.get("status_code"), response.get("body")
        model = self._model(answer)
        try:
            usage = usage_of(answer)
        except UnreadableUsageError as unreadable:
            self._doubt(model, "unreadable", str(unreadable))
            return
        status = status if type(status) is int and 0 <= status <= 999 else 0
        never_served = response is None and isinstance(result.get("error"), dict)
        if usage is None and (400 <= status <= 599 or never_served):
            self._used.append(Used(model, status, 0, 0, 0, 0))
        elif usage is None:
            self._doubt(model, "unreadable", "no usage is stated")
        elif not self._can_cause(model, usage):
            self._doubt(model, "impossible", "it is more than one of the requests can have used")
        else:
            self._used.append(self._priced(model, status, usage))

    def _model(self, answer: Any) -> str:
        """The answer's, else the one whose largest request costs the most."""
        stated = answer.get("model") if isinstance(answer, dict) else None
        if isinstance(stated, str) and stated in self._record.worst:
            return stated
        return max(self._record.worst, key=self._dearest)

    def _can_cause(self, model: str, usage: TokenUsage) -> bool:
        *_, prompt, completion = self._record.worst[model]
        return 0 < usage.prompt <= prompt and usage.completion is not None and usage.completion <= completion

    def _priced(self, model: str, status: int, usage: TokenUsage) -> Used:
        # The cache's discount is not counted on top of the batch's: nothing published says that both hold.
        completion = usage.completion or 0
        cost = self._cost(model, usage.prompt, completion)
        return Used(model, status, usage.prompt, usage.cached, completion, cost)

    def _doubt(self, model: str, why: Disbelief, stated: str) -> None:
        self._disbelieved(why)
        _log.warning("a result of batch %s is charged as reserved: %s", self._record.upstream_id, stated)
        *_, prompt, completion = self._record.worst[model]
        self._used.append(Used(model, 0, 0, 0, 0, self._cost(model, prompt, completion)))

    def _dearest(self, model: str) -> int:
        *_, prompt, completion = self._record.worst[model]
        return self._cost(model, prompt, completion)

    def _cost(self, model: str, prompt: int, completion: int) -> int:
        """With the share of the fees: they are charged at their most, as answers do not tell of each use."""
        requests, _, _, fees, *_ = self._record.worst[model]
        try:
            one = {model: (1, prompt, completion, -(-fees // requests), prompt, completion)}
            return worst_costs_micro_usd(one, self._catalogue)[model] - 1
        except Refusal:  # the model has lost its price since
            return self._record.held_micro_usd


def as_reserved(record: BatchRecord, settled_s: float) -> list[LedgerRow]:
    """The whole batch as one row a model, each of which costs what is held for it."""
    return [
        _row(record, f"{record.request_id}.held{number}", Used(model, 0, 0, 0, 0, cost), settled_s)
        for number, (model, cost) in enumerate(record.held_by_model_micro_usd.items())
    ]


def _row(record: BatchRecord, request_id: str, used: Used, settled_s: float) -> LedgerRow:
    cost = used.cost_micro_usd
    started_s = record.started_us / 1_000_000
    return LedgerRow(
        Admission(request_id, record.key_id, record.lineage_id, record.team, used.model, cost, started_s),
        Settlement(
            request_id,
            "settled",
            used.status,
            used.prompt_tokens,
            used.cached_tokens,
            used.completion_tokens,
            cost,
            settled_s,
        ),
    )


def _parsed(line: bytes) -> dict[str, Any]:
    """A result; empty for what is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
