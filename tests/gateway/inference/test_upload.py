"""What is held back of an upload is told to whoever bounds it."""

import asyncio
from dataclasses import replace

import pytest

from pulumi_groq.gateway.http.asgi import Message, RequestHeaders
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS
from pulumi_groq.gateway.inference.reach.needs import TRANSCRIPTIONS
from pulumi_groq.gateway.inference.upload import Upload

FILE = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + b"x" * 1_000
MODEL = b'\r\n--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper'
NEXT = b'\r\n--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n'
REST = b"y" * 5_000 + b"\r\n--b--\r\n"


async def test_all_that_comes_before_the_model_is_held() -> None:
    """A model that is named last keeps the whole file in memory; what follows it is passed on as it comes."""
    pieces = [FILE, MODEL + NEXT, REST]
    whole = b"".join(pieces)
    told: list[int] = []

    async def receive() -> Message:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = RequestHeaders(b"", b"multipart/form-data; boundary=b", len(whole), b"*/*", b"", b"")
    upload = Upload(receive, headers, DEFAULT_OPTIONS, told.append, TRANSCRIPTIONS)
    model = await upload.model()
    answer = model, b"".join([piece async for piece in upload.pieces()])

    assert answer == ("whisper", whole)
    assert told == [len(FILE), len(MODEL + NEXT)]


async def test_an_upload_that_drips_ends() -> None:
    """However short its pauses are: what it may cost is reserved as long as it lasts."""

    begun: list[bytes] = []

    async def receive() -> Message:
        await asyncio.sleep(0)
        begun.append(b"x" if begun else FILE)
        return {"type": "http.request", "body": begun[-1], "more_body": True}

    headers = RequestHeaders(b"", b"multipart/form-data; boundary=b", 10**6, b"*/*", b"", b"")
    brief = replace(DEFAULT_OPTIONS, upload_timeout_s=0.05)
    upload = Upload(receive, headers, brief, lambda _: None, TRANSCRIPTIONS)
    with pytest.raises(Refusal, match=r"did not arrive within 0\.05 seconds") as refused:
        await upload.model()

    assert (refused.value.status, refused.value.detail.code) == (408, "request_timeout")
