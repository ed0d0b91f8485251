"""A mock Groq on bare uvloop: one JSON answer of 40 tokens, one stream of 40 chunks and a usage chunk.

    python mock_upstream.py PORT [PAUSE_MS]

It does no work for a request but finding its end, so that it is several times faster than anything in front
of it. PAUSE_MS is the pause between two of the 64 chunks of a paced stream (0: 40 chunks in one write).
"""

import asyncio
import json
import sys

import uvloop

TOKENS = 40
PACED_CHUNKS = 64
MODEL = "openai/gpt-oss-20b"
USAGE = {
    "queue_time": 0.001,
    "prompt_tokens": 30,
    "prompt_time": 0.0006,
    "completion_tokens": TOKENS,
    "completion_time": 0.08,
    "total_tokens": 30 + TOKENS,
    "total_time": 0.0806,
}
HEAD = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1795435200, "model": MODEL}


def _frame(chunk: dict[str, object]) -> bytes:
    data = b"data: " + json.dumps({**HEAD, **chunk}, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _delta(text: str) -> dict[str, object]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return {"system_fingerprint": "fp_0123456789", "choices": [choice]}


def _json_answer() -> bytes:
    message = {"role": "assistant", "content": " token" * TOKENS}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    answer = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    body = json.dumps(answer, separators=(",", ":")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


JSON_ANSWER = _json_answer()
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = _frame(_delta(" token"))
END = _frame({"choices": [], "usage": USAGE}) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
WHOLE_STREAM = STREAM_HEAD + CHUNK * TOKENS + END


class Mock(asyncio.Protocol):
    """Answers each request once its body is there."""

    pause_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head_end = self._got.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self._got.lower().find(b"content-length:")
        length = int(self._got[at + 15 : self._got.find(b"\r\n", at)])
        if len(self._got) < head_end + 4 + length:
            return
        body, self._got = self._got[head_end + 4 :], b""
        if b'"stream":true' not in body:
            self._transport.write(JSON_ANSWER)
        elif self.pause_s:
            self._transport.write(STREAM_HEAD)
            self._write_frames(asyncio.get_running_loop().time(), 0)
        else:
            self._transport.write(WHOLE_STREAM)

    def _write_frames(self, started_s: float, number: int) -> None:
        """Each chunk at its own time, so that a late one does not move the others."""
        if self._transport.is_closing():
            return
        self._transport.write(END if number == PACED_CHUNKS else CHUNK)
        if number < PACED_CHUNKS:
            due_s = started_s + (number + 1) * self.pause_s
            asyncio.get_running_loop().call_at(due_s, self._write_frames, started_s, number + 1)


async def main(port: int, pause_ms: float) -> None:
    Mock.pause_s = pause_ms / 1000
    server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0))
