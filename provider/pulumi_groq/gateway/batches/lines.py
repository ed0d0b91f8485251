"""The lines of a batch's input file, each held to the key's models and rules while the file is uploaded."""

import json
from hashlib import blake2b
from typing import Any, Final, NoReturn

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.http.bodies import strict_decoder
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request
from pulumi_groq.gateway.inference.calls import CHAT_LABEL, read_call
from pulumi_groq.gateway.inference.charge import CostEstimate
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess, priced
from pulumi_groq.gateway.store.batches import Worst
from pulumi_groq.policy.access import KeyAccess

ENDPOINT: Final = "/v1/chat/completions"
"""What a batch may call: the groq client knows no other."""

MOST_LINES: Final = 50_000
"""Groq's own limit (https://console.groq.com/docs/batch)."""
LONGEST_LINE_BYTES: Final = 1024 * 1024
LONGEST_CUSTOM_ID: Final = 512

_KEYS: Final = frozenset({"custom_id", "method", "url", "body"})


class LineReader:
    """Fed with a file as it comes; raises `Refusal` 400 or 403 that names the line, from 1.

    `worst` adds up what the lines may cost, `needs` the permissions that they need.
    """

    def __init__(self, key: KeyAccess, models: ModelAccess, tools: ToolAccess) -> None:
        self.lines = 0
        self.needs: set[str] = set()
        self._key = key
        self._models = models
        self._tools = tools
        self._rest = bytearray()
        self._custom_ids: set[bytes] = set()
        self._worst: dict[str, list[int]] = {}

    @property
    def worst(self) -> Worst:
        """By model; see `store.batches.Worst`."""
        return self._worst

    def feed(self, piece: bytes) -> None:
        """Read the next bytes of the file."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._rest += end
            self._line(bytes(self._rest))
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > LONGEST_LINE_BYTES:
            self._too_long()

    def finish(self) -> None:
        """The file has ended; its last line may have no line end."""
        if self._rest:
            self._line(bytes(self._rest))
            self._rest.clear()
        if not self.lines:
            raise bad_request("The file has no requests. Write one JSON object a line.", param="file")

    def _line(self, line: bytes) -> None:
        if len(line) > LONGEST_LINE_BYTES:
            self._too_long()
        if not line.strip():
            raise self._refused(bad_request("the line is empty", param="file"))
        if b"\r" in line.removesuffix(b"\r"):
            # What stands behind one could be a request of its own there, hidden in a tool's parameters here.
            message = "the line holds a carriage return, which some readers take for its end: leave it out"
            raise self._refused(bad_request(message, param="file"))
        if self.lines == MOST_LINES:
            message = f"A batch takes at most {MOST_LINES} requests. Send the rest in another file."
            raise bad_request(message, param="file")
        try:
            self._judge(line)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        self.lines += 1

    def _judge(self, line: bytes) -> None:
        request = _parsed(line)
        unknown = request.keys() - _KEYS
        if unknown or request.keys() != _KEYS:
            different = ", ".join(sorted(unknown or _KEYS - request.keys()))
            what = "unknown" if unknown else "missing"
            raise bad_request(f"{different} is {what}: a line has custom_id, method, url and body")
        if (request["method"], request["url"]) != ("POST", ENDPOINT):
            raise bad_request(f"method must be POST and url {ENDPOINT}")
        custom_id, body = request["custom_id"], request["body"]
        if not isinstance(custom_id, str) or not 0 < len(custom_id) <= LONGEST_CUSTOM_ID:
            raise bad_request(f"custom_id must be a text of 1 to {LONGEST_CUSTOM_ID} characters")
        # By their digests: 50,000 ids of 512 characters would be 100 MB, for each upload that runs.
        digest = blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._custom_ids:
            raise bad_request("custom_id stands in an earlier line already: results could not be told apart")
        if not isinstance(body, dict):
            raise bad_request("body must be the object of a chat completion")
        self._custom_ids.add(digest)
        self._add(body, len(line))

    def _add(self, body: dict[str, Any], line_bytes: int) -> None:
        # No key stands twice in the line, so what is written here is all that any parser finds in it.
        reading = read_call(CHAT_LABEL, json.dumps(body).encode())
        fields = reading.fields
        if fields.stream:
            raise bad_request("stream must not be true: a batch writes a file", param="stream")
        model = self._models.permit(self._key, fields.models, "chat")
        beyond = self._tools.permit(self._key, model, fields.models, reading.reach)
        self.needs.update(self._tools.needed(fields.models, reading.reach))
        estimate = CostEstimate.of_json(model, fields, reading.images, line_bytes, beyond)
        sums = self._worst.setdefault(model.id, [0, 0, 0, 0, 0, 0])
        prompt, completion = estimate.largest_prompt_tokens, estimate.largest_completion_tokens
        for position, more in enumerate((1, prompt, completion, estimate.fee_micro_usd)):
            sums[position] += more
        sums[4] = max(sums[4], prompt)
        sums[5] = max(sums[5], completion)

    def _too_long(self) -> NoReturn:
        longest = bad_request(f"the line is longer than {LONGEST_LINE_BYTES} bytes", param="file")
        raise self._refused(longest)

    def _refused(self, refusal: Refusal) -> Refusal:
        """With the line's number before it; nothing of the rest of the file is read."""
        detail = refusal.detail
        return Refusal(
            refusal.status,
            detail.type or INVALID_REQUEST,
            f"Line {self.lines + 1} of the file: {detail.message}",
            reason=refusal.reason,
            code=detail.code,
            param=detail.param,
            headers=refusal.headers,
            close=True,
        )


def worst_costs_micro_usd(worst: Worst, catalogue: Catalogue) -> dict[str, int]:
    """The most that a batch of these lines can cost, by model, at the batch price of now.

    Each request is rounded up by itself, so there is a micro-dollar for each above the price of the sums.
    Raises `Refusal` 400 where a model has no price any more.
    """
    costs = {}
    for model_id, (requests, prompt, completion, fees, *_) in worst.items():
        model = priced(catalogue, model_id, "input_file_id")
        costs[model_id] = (
            model.cost_micro_usd(prompt_tokens=prompt, completion_tokens=completion, batch=True)
            + requests
            + fees
        )
    return costs


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = _STRICT.decode(line.decode())
    except UnicodeDecodeError:
        raise bad_request("the line must be UTF-8") from None
    except RecursionError:
        raise bad_request("the line is nested too deeply") from None
    except ValueError as failure:
        raise bad_request(f"the line is no JSON object as every parser reads it ({failure})") from None
    if not isinstance(value, dict):
        raise bad_request("the line must be a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, each in pairs:
        if name in value:
            raise ValueError(f"{name[:40]} stands twice in one object")
        value[name] = each
    return value


_STRICT: Final = strict_decoder(_once)
