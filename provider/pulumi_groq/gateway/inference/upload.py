"""Passes an upload through: of audio held back until the model is known, then passed on as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable

from pulumi_groq.gateway.http.asgi import Receive, RequestHeaders
from pulumi_groq.gateway.http.bodies import next_piece, request_timeout
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request, body_too_large
from pulumi_groq.gateway.inference.audio_length import longest_audio_ms
from pulumi_groq.gateway.inference.multipart import Form, FormReader
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.reach.needs import ELSEWHERE, unknown_field, unserved

FILE_HEAD_BYTES = 64


class Upload:
    """A multipart body of `length_bytes`. Raises `Refusal` 411 without a length, 413 above the limit.

    `hold` is told of what is held back (`Client.hold`); `known` are the fields that the form may have; `file`
    is told of the file's bytes. It is read on while it is passed on; what makes it unacceptable late breaks
    the upstream's request off.
    """

    def __init__(
        self,
        receive: Receive,
        head: RequestHeaders,
        options: InferenceOptions,
        hold: Callable[[int], None],
        known: frozenset[str],
        file: Callable[[bytes], object] | None = None,
    ) -> None:
        if head.content_length is None:
            raise _length_required()
        if head.content_length > options.audio_body_limit_bytes:
            raise body_too_large(options.audio_body_limit_bytes)
        self._receive = receive
        self.length_bytes = head.content_length
        self._options = options
        self._ends_s = asyncio.get_running_loop().time() + options.upload_timeout_s
        self._reader = FormReader(head.content_type, file)
        self._held: list[bytes] = []
        self._hold = hold
        self._known = known
        self._more = True

    async def model(self) -> str:
        """The model's id, as soon as it and the beginning of the file are there. Raises `Refusal`."""
        form = self._reader.form
        while self._more and not ("model" in form.fields and len(form.file_head) >= FILE_HEAD_BYTES):
            piece = await self._next()
            self._hold(len(piece))
            self._held.append(piece)
        if not self._more:
            self._finish()
        if not form.fields.get("model"):
            raise bad_request("model must be the id of a model.", param="model")
        return form.fields["model"]

    @property
    def form(self) -> Form:
        """What has been read so far."""
        return self._reader.form

    @property
    def longest_audio_ms(self) -> int:
        """How long the audio may be, once `model` has returned."""
        return longest_audio_ms(self.length_bytes, self._reader.form.file_head)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole body, unchanged. Raises `Refusal` and `ClientGoneError`."""
        for piece in self._held:
            yield piece
        self._held.clear()
        while self._more:
            piece = await self._next()
            if not self._more:
                self._finish()
            yield piece

    async def _next(self) -> bytes:
        options, now_s = self._options, asyncio.get_running_loop().time()
        until_s = min(now_s + options.body_timeout_s, self._ends_s)
        try:
            async with asyncio.timeout_at(until_s):
                piece, self._more = await next_piece(self._receive)
        except TimeoutError:
            is_over = until_s == self._ends_s
            raise request_timeout(options.upload_timeout_s if is_over else options.body_timeout_s) from None
        self._reader.feed(piece)
        _check(self._reader.form, self._known)
        return piece

    def _finish(self) -> None:
        if not self._reader.finish().file_seen:
            raise bad_request("file must be the file itself.", param="file")


def _check(form: Form, known: frozenset[str]) -> None:
    for name in form.fields:
        field = name.removesuffix("[]")
        if field in ELSEWHERE:
            raise unserved(
                field,
                "how long that audio is, and so its price, is not known beforehand. Send the audio as file.",
            )
        if field not in known:
            raise unknown_field(field)


def _length_required() -> Refusal:
    message = "An upload needs a content-length header. Send the file with its length, not chunked."
    return Refusal(
        411, INVALID_REQUEST, message, reason="length_required", code="length_required", close=True
    )
