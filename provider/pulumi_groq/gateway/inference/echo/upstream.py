"""The echo as an upstream: routes a call to its shape and plays the answer back piece by piece."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.inference.echo import chat, media, responses
from pulumi_groq.gateway.inference.echo.batches import EchoBatches, EchoMissingError
from pulumi_groq.gateway.inference.echo.request import PLAIN, EchoRefusalError, EchoRequest, EchoScript
from pulumi_groq.gateway.inference.multipart import read_form
from pulumi_groq.gateway.inference.upstream import UpstreamCall, UpstreamUnreachableError
from pulumi_groq.gateway.protocols import Clock

DONE = b"data: [DONE]\n\n"
Sleep = Callable[[float], Awaitable[None]]
JSON = b"application/json"
SSE = b"text/event-stream"
Played = tuple[bytes, Iterable[bytes]]
"""Content type and pieces of an answer."""
SPEECH_PIECE_BYTES = 16 * 1024


class EchoAnswer:
    """Plays prepared pieces, with the script's pauses and its failure."""

    def __init__(
        self,
        status: int,
        headers: Sequence[Header],
        pieces: Iterable[bytes],
        script: EchoScript,
        sleep: Sleep,
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces: Iterator[bytes] = iter(pieces)
        self._script = script
        self._sleep = sleep
        self._played = 0

    async def next_piece(self) -> bytes:
        await self._sleep(self._script.pause_s)
        if self._played == self._script.fail_after:
            raise UpstreamUnreachableError("the echo was told to break off here")
        self._played += 1
        return next(self._pieces, b"")

    def close(self) -> None:
        self._pieces = iter(())


class EchoUpstream:
    """`calls` counts the calls by path; `script` may be changed between calls. `batches` has its files."""

    def __init__(self, clock: Clock, script: EchoScript = PLAIN, sleep: Sleep = asyncio.sleep) -> None:
        self.calls: Counter[str] = Counter()
        self.script = script
        self._clock = clock
        self._sleep = sleep
        self.batches = EchoBatches(self._answering, self._created)
        self._players: dict[str, Callable[[bytes, bytes], Played]] = {
            "/openai/v1/chat/completions": self._chat,
            "/openai/v1/responses": self._responses,
            "/openai/v1/embeddings": self._embeddings,
            "/openai/v1/audio/speech": self._speech,
            "/openai/v1/audio/transcriptions": self._transcription,
            "/openai/v1/audio/translations": self._transcription,
        }

    async def send(self, call: UpstreamCall) -> EchoAnswer:
        """Never fails, unless the script says so."""
        self.calls[call.path] += 1
        body = call.body if isinstance(call.body, bytes) else b"".join([piece async for piece in call.body])
        if self.script.status is not None:
            return self._refusal(self.script.status, "the echo was told to answer with an error")
        try:
            kept = self.batches.answer(call.method, call.path, body, call.content_type)
            if kept is None:
                content_type, pieces = self._players[call.path](body, call.content_type)
            elif isinstance(kept, bytes):
                content_type, pieces = b"application/octet-stream", [kept]
            else:
                content_type, pieces = JSON, [_json(kept)]
        except EchoRefusalError as failure:
            return self._refusal(400, str(failure))
        except EchoMissingError as failure:
            return self._refusal(404, str(failure))
        headers = [(b"content-type", content_type), (b"x-groq-region", b"echo")]
        return EchoAnswer(200, headers, pieces, self.script, self._sleep)

    async def close(self) -> None:
        """Nothing is open."""

    def _chat(self, body: bytes, _content_type: bytes) -> Played:
        request = EchoRequest.read(body)
        completion = chat.complete(request, self.script, self._created())
        if request.streams:
            return SSE, [*map(chat.event, chat.chunks(completion)), DONE]
        return JSON, [_json(chat.whole(completion))]

    def _responses(self, body: bytes, _content_type: bytes) -> Played:
        request = EchoRequest.read(body)
        response = responses.respond(request, self.script, self._created())
        return (SSE, responses.events(response)) if request.streams else (JSON, [_json(response)])

    def _embeddings(self, body: bytes, _content_type: bytes) -> Played:
        return JSON, [_json(media.embeddings(EchoRequest.read(body)))]

    def _speech(self, body: bytes, _content_type: bytes) -> Played:
        sound = media.speech(EchoRequest.read(body))
        pieces = [sound[at : at + SPEECH_PIECE_BYTES] for at in range(0, len(sound), SPEECH_PIECE_BYTES)]
        return b"audio/wav", pieces

    def _transcription(self, body: bytes, content_type: bytes) -> Played:
        form = read_form(content_type, body)
        given = media.transcription(form, body)
        return given[0], [given[1]]

    def _answering(self, body: bytes) -> dict[str, Any]:
        completion = chat.complete(EchoRequest.read(body), self.script, self._created())
        return dict(chat.whole(completion))

    def _created(self) -> int:
        return int(self._clock.now().timestamp())

    def _refusal(self, status: int, message: str) -> EchoAnswer:
        kind = "invalid_request_error" if status < 500 else "internal_server_error"
        body = _json({"error": {"message": message, "type": kind}})
        return EchoAnswer(status, [(b"content-type", JSON)], [body], PLAIN, self._sleep)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
