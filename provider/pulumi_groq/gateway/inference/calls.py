"""Which calls the inference plane serves, and what is read of each before it may go upstream."""

import asyncio
import logging
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from weakref import WeakValueDictionary

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from pulumi_groq.catalogue.catalogue import Kind
from pulumi_groq.gateway.http.asgi import Scope
from pulumi_groq.gateway.http.bodies import request_timeout
from pulumi_groq.gateway.http.refusal import SERVER, Refusal, unknown_url
from pulumi_groq.gateway.inference.call_fields import (
    READERS,
    CallFields,
    read_json_object,
    with_usage_requested,
)
from pulumi_groq.gateway.inference.reach import reach_of
from pulumi_groq.gateway.inference.reach.needs import Reach
from pulumi_groq.policy.estimate import NO_IMAGES, Images, images_of

PREFIX: Final = "/openai/v1"
MODELS_PATH: Final = f"{PREFIX}/models"


BodyFormat = Literal["json", "multipart", "none", "stored"]
"""How a request's body is written."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `label` is its name in metrics and logs; `kind` is the kind of model it takes."""

    label: str
    path: str
    form: BodyFormat
    kind: Kind | None = None


def _posts(name: str, kind: Kind, form: BodyFormat = "json") -> tuple[tuple[str, str], Route]:
    path = f"{PREFIX}/{name}"
    return ("POST", path), Route(label=name, path=path, form=form, kind=kind)


CHAT_LABEL: Final = "chat/completions"
RESPONSES_LABEL: Final = "responses"
MODELS: Final = Route(label="models", path=MODELS_PATH, form="none")
MODEL: Final = Route(label="models/{id}", path=f"{MODELS_PATH}/", form="none")

ROUTES: Final = MappingProxyType(
    {
        **dict(
            (
                _posts(CHAT_LABEL, "chat"),
                _posts(RESPONSES_LABEL, "chat"),
                _posts("embeddings", "embedding"),
                _posts("audio/transcriptions", "transcription", "multipart"),
                _posts("audio/translations", "transcription", "multipart"),
                _posts("audio/speech", "speech"),
            )
        ),
        ("GET", MODELS_PATH): MODELS,
    }
)


_BY_RAW_PATH: Final = {(method, path.encode()): route for (method, path), route in ROUTES.items()}


def find_route(scope: Scope) -> Route:
    """The route of a request. Raises `Refusal`: 404 off the list, 400 for what cannot be metered.

    The path is compared as it was sent: nothing is decoded, folded or normalised, so that no second
    spelling of a path exists. Only the id in `models/{id}` may be percent-encoded.
    """
    method: str = scope["method"]
    path: str = scope["path"]
    route = _BY_RAW_PATH.get((method, scope["raw_path"]))
    if route is not None:
        return route
    if method == "GET" and scope["raw_path"].startswith(b"/openai/v1/models/") and path != MODEL.path:
        return MODEL
    for stored in STORED_ROUTES:
        if stored.method == method and stored.raw_path.fullmatch(scope["raw_path"]):
            return stored.route
    raise unknown_url(method, path)


FILES: Final = Route(label="files", path=f"{PREFIX}/files", form="stored")
FILE: Final = Route(label="files/{id}", path=f"{PREFIX}/files/", form="stored")
CONTENT: Final = Route(label="files/{id}/content", path=f"{PREFIX}/files/", form="stored")
BATCHES: Final = Route(label="batches", path=f"{PREFIX}/batches", form="stored")
BATCH: Final = Route(label="batches/{id}", path=f"{PREFIX}/batches/", form="stored")
CANCEL: Final = Route(label="batches/{id}/cancel", path=f"{PREFIX}/batches/", form="stored")
_ID: Final = rb"[A-Za-z0-9_-]{1,128}"


class StoredRoute(NamedTuple):
    """A route of what is kept at the upstream; its path is compared as it was sent."""

    method: str
    raw_path: re.Pattern[bytes]
    route: Route


def _stored(method: str, path: bytes, route: Route) -> StoredRoute:
    return StoredRoute(method, re.compile(b"/openai/v1/" + path), route)


STORED_ROUTES: Final = (
    _stored("POST", rb"files", FILES),
    _stored("GET", rb"files", FILES),
    _stored("GET", rb"files/" + _ID, FILE),
    _stored("DELETE", rb"files/" + _ID, FILE),
    _stored("GET", rb"files/" + _ID + rb"/content", CONTENT),
    _stored("POST", rb"batches", BATCHES),
    _stored("GET", rb"batches", BATCHES),
    _stored("GET", rb"batches/" + _ID, BATCH),
    _stored("POST", rb"batches/" + _ID + rb"/cancel", CANCEL),
)

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
    images = images_of(document) if b"image_url" in body or b"\\u" in body else NO_IMAGES
    return CallReading(fields, reach_of(label, document), images, forwarded, hides_usage)


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
