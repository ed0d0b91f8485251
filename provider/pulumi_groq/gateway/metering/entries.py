"""What is booked of a request: its admission, its settlement, and both as a row of the ledger."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as _quoted
from operator import le
from typing import Any, Final, Literal, NamedTuple, get_args

from pulumi_groq.gateway.store.ledger import LedgerRecord

Outcome = Literal["settled", "expired", "interrupted"]
"""`expired`: nobody settled it in time; `interrupted`: the process ended first. Both cost the reservation."""

LARGEST_COST_MICRO_USD: Final = 10**12
"""A million dollars: no request costs as much, and the store can hold nine million times as much."""
LARGEST_TOKENS: Final = 10**10
LAST_S: Final = 253_402_300_799
"""The end of the year 9999, Unix seconds: no later time can be written as a date."""

_CHECKSUM_LENGTH: Final = 8


class Admission(NamedTuple):
    """A request that was admitted at `started_s` (Unix seconds), and the most it may cost."""

    request_id: str
    key_id: str
    lineage_id: str
    team: str | None
    model: str
    cost_micro_usd: int
    started_s: float


class Settlement(NamedTuple):
    """What became of a request, at `settled_s` (Unix seconds); `status` is the HTTP status, 0 for none."""

    request_id: str
    outcome: Outcome
    status: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int
    settled_s: float


class LedgerRow(NamedTuple):
    """A request that is over. It is booked on the day and in the month in which it was admitted."""

    admission: Admission
    settlement: Settlement

    def record(self) -> LedgerRecord:
        """As the store keeps it."""
        request_id, key_id, lineage_id, team, model, _, started_s = self.admission
        _, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = self.settlement
        return LedgerRecord(
            request_id,
            key_id,
            lineage_id,
            team,
            model,
            outcome,
            status,
            prompt,
            cached,
            completion,
            cost_micro_usd,
            round(started_s * 1_000_000),
            round(settled_s * 1_000_000),
        )


def charged_as_reserved(admission: Admission, outcome: Outcome, at_s: float) -> LedgerRow:
    """The row of a request whose use will never be known: it costs what was reserved."""
    return LedgerRow(
        admission,
        Settlement(admission.request_id, outcome, 0, 0, 0, 0, admission.cost_micro_usd, at_s),
    )


def admission_line(admission: Admission) -> bytes:
    """The admission as a line of the journal."""
    request_id, key_id, lineage_id, team, model, cost_micro_usd, started_s = admission
    in_team = "null" if team is None else _quoted(team)
    # Put together by hand: this is on the path of every request, and takes half the time of json.dumps.
    return _checked(
        f'["r",{_quoted(request_id)},{_quoted(key_id)},{_quoted(lineage_id)},{in_team},{_quoted(model)},'
        f"{cost_micro_usd},{started_s!r}]\n".encode()
    )


def settlement_line(settlement: Settlement) -> bytes:
    """The settlement as a line of the journal."""
    request_id, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = settlement
    return _checked(
        f'["s",{_quoted(request_id)},"{outcome}",{status},{prompt},{cached},{completion},'
        f"{cost_micro_usd},{settled_s!r}]\n".encode()
    )


def _checked(content: bytes) -> bytes:
    return b"%08x %b" % (zlib.crc32(content), content)


def parsed_line(line: bytes) -> Admission | Settlement:
    """A line of the journal without its end.

    Raises `ValueError`, saying why, for one that a crash cut off, that is damaged, or that no gateway wrote.
    """
    checksum, content = line[:_CHECKSUM_LENGTH], line[_CHECKSUM_LENGTH + 1 :]
    if checksum != b"%08x" % zlib.crc32(content + b"\n"):
        raise ValueError("its checksum does not fit")
    try:
        kind, *fields = json.loads(content)
        if kind == "r":
            return Admission(*fields)
        if kind == "s":
            return Settlement(*fields)
    except (ValueError, TypeError, RecursionError):
        pass
    raise ValueError("it is no entry of the journal")


def fault_of(entry: Admission | Settlement) -> str | None:
    """What cannot be true of an entry, whose values may have any type; `None` if it can be booked."""
    values: tuple[Any, ...] = entry
    counts, at_s = values[_FIRST_NUMBER[type(entry)] : -1], values[-1]
    largest = _LARGEST[type(entry)]
    # By its exact type: true, 5.0 and a text are no counts, and nan is in no order.
    if set(map(type, counts)) != {int} or min(counts) < 0 or not all(map(le, counts, largest.values())):
        return _number_fault(counts, largest)
    if type(at_s) is not float and type(at_s) is not int:
        return "its time is no number of this kind"
    if not 0 <= at_s <= LAST_S:
        return "its time cannot be true"
    return _text_fault(entry)


def _number_fault(counts: Sequence[object], largest: Mapping[str, int]) -> str | None:
    for value, (name, most) in zip(counts, largest.items(), strict=True):
        if type(value) is not int:
            return f"its {name} is no number of this kind"
        if not 0 <= value <= most:
            return f"its {name} cannot be true"
    return None


def _text_fault(entry: Admission | Settlement) -> str | None:
    if isinstance(entry, Settlement) and entry.outcome not in _OUTCOMES:
        return "its outcome is unknown"
    for text in entry[: _FIRST_NUMBER[type(entry)]]:
        if text is None and isinstance(entry, Admission) and text is entry.team:
            continue
        if not isinstance(text, str) or not (text.isascii() or _SURROGATE.search(text) is None):
            return "a name in it is no text"
    return None


_OUTCOMES: Final = frozenset(get_args(Outcome))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_FIRST_NUMBER: Final[Mapping[type, int]] = {Admission: 5, Settlement: 2}
_LARGEST: Final[Mapping[type, Mapping[str, int]]] = {
    Admission: {"cost": LARGEST_COST_MICRO_USD},
    Settlement: {
        "status": 999,
        "prompt": LARGEST_TOKENS,
        "cached prompt": LARGEST_TOKENS,
        "completion": LARGEST_TOKENS,
        "cost": LARGEST_COST_MICRO_USD,
    },
}
"""The counts between the texts of an entry and its time, in its order, and how large each may be."""
