"""What must be known of a JSON call before it may go out, read from its bytes in this process or another.

A parser holds the interpreter until it is done, in a thread too, so a body of many megabytes would keep every
other caller waiting: large ones are read by worker processes.
"""

import asyncio
import logging
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from pulumi_groq.gateway.http.refusal import SERVER, Refusal
from pulumi_groq.gateway.http.request_body import request_timeout
from pulumi_groq.gateway.inference.call_fields import READERS, CallFields
from pulumi_groq.gateway.inference.json_body import read_json_object
from pulumi_groq.gateway.inference.reach import reach_of
from pulumi_groq.gateway.inference.reach.needs import Reach
from pulumi_groq.gateway.inference.routes import CHAT_LABEL
from pulumi_groq.gateway.inference.usage_request import with_usage_requested
from pulumi_groq.policy.estimate import Images, images_of

INLINE_BYTES: Final = 256 * 1024
"""A body of this size is parsed in a few milliseconds."""

WORKERS: Final = 2
READING_LIMIT_S: Final = 30.0

_log = logging.getLogger("pulumi_groq.gateway.reading")


class CallReading(NamedTuple):
    """One JSON call. `forwarded` is the body to send where it is not the one that came: `hides_usage` says
    that the caller did not ask for the usage that was added to it.
    """

    fields: CallFields
    reach: Reach
    images: Images
    forwarded: bytes | None
    hides_usage: bool


def read_call(label: str, body: bytes) -> CallReading:
    """A call of the route with this label. Raises `Refusal`."""
    document = read_json_object(body)
    fields = READERS[label](document)
    hides_usage = label == CHAT_LABEL and fields.stream and not fields.include_usage
    forwarded = with_usage_requested(body, document) if hides_usage else None
    return CallReading(fields, reach_of(label, document), images_of(document), forwarded, hides_usage)


class CallReader:
    """Reads calls for one event loop. A key's large bodies are read one by one: no key takes all workers."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._workers = CapacityLimiter(WORKERS)

    async def read(self, key_id: str, label: str, body: bytes) -> CallReading:
        """As `read_call`, of any size; raises `Refusal` 408 and 503 too."""
        if len(body) <= INLINE_BYTES:
            return read_call(label, body)
        turn = self._turns.setdefault(key_id, asyncio.Lock())
        async with turn:
            try:
                async with asyncio.timeout(READING_LIMIT_S):
                    outcome = await to_process.run_sync(
                        _outcome, label, body, cancellable=True, limiter=self._workers
                    )
            except TimeoutError:
                raise request_timeout(READING_LIMIT_S) from None
            except (BrokenWorkerProcess, OSError, MemoryError) as failure:
                # OSError: no process can be started, or it ended before its first word.
                cause = failure.__cause__ or failure
                _log.error("a large body could not be read: the worker process failed: %r", cause)
                message = "The gateway could not read this large body. Try again, or send less."
                raise Refusal(503, SERVER, message, code="body_not_read") from None
        if isinstance(outcome, CallReading):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # it would keep this frame, and so the body, until the next collection of garbage


def _outcome(label: str, body: bytes) -> CallReading | Refusal:
    """A refusal is given back: raised in the other process it would be raised here, below frames that hold
    the body.
    """
    try:
        return read_call(label, body)
    except Refusal as refusal:
        return refusal.with_traceback(None)
