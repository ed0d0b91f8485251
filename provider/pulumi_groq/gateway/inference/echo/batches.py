"""Files and batches of the echo: kept in memory, and served when somebody looks at them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any, Final

from pulumi_groq.gateway.inference.echo.request import EchoRefusalError
from pulumi_groq.gateway.inference.multipart import FormReader

FILES: Final = "/openai/v1/files"
BATCHES: Final = "/openai/v1/batches"
_HOUR_S: Final = 3600

Document = dict[str, Any]
Answering = Callable[[bytes], Document]
"""Gives the body of a chat completion for the body of a request. Raises `EchoRefusalError`."""


class EchoMissingError(Exception):
    """The echo answers 404."""


@dataclass(slots=True)
class EchoFile:
    """What was uploaded, or written by a batch."""

    document: Document
    content: bytes


@dataclass
class EchoBatches:
    """`answering` serves each line, `now_s` gives Unix seconds."""

    answering: Answering
    now_s: Callable[[], int]
    files: dict[str, EchoFile] = field(default_factory=dict)
    batches: dict[str, Document] = field(default_factory=dict)
    life: str = field(default_factory=lambda: token_hex(6))
    """In all ids: the gateway's store outlives this process, and knows those of former ones."""
    _count: Iterator[int] = field(default_factory=lambda: count(1))

    def _id(self, kind: str) -> str:
        return f"{kind}_01echo{self.life}{next(self._count):06d}"

    def answer(self, method: str, path: str, body: bytes, content_type: bytes) -> Document | bytes | None:
        """What a call is answered; `None` for another path. Raises `EchoMissingError` and
        `EchoRefusalError`.
        """
        path, _, _ = path.partition("?")
        if path.startswith(FILES):
            return self._of_files(method, path.removeprefix(FILES).strip("/"), body, content_type)
        if path.startswith(BATCHES):
            return self._of_batches(method, path.removeprefix(BATCHES).strip("/"), body)
        return None

    def _of_files(self, method: str, below: str, body: bytes, content_type: bytes) -> Document | bytes:
        file_id, _, content = below.partition("/")
        if not file_id:
            if method == "POST":
                return self._uploaded(body, content_type)
            return {"object": "list", "data": [file.document for file in self.files.values()]}
        if file_id not in self.files:
            raise EchoMissingError(f"no file {file_id}")
        if method == "DELETE":
            del self.files[file_id]
            return {"id": file_id, "object": "file", "deleted": True}
        return self.files[file_id].content if content else self.files[file_id].document

    def _of_batches(self, method: str, below: str, body: bytes) -> Document:
        batch_id, _, cancel = below.partition("/")
        if not batch_id:
            if method == "POST":
                return self._created(json.loads(body))
            return {"object": "list", "data": list(self.batches.values())[::-1], "has_more": False}
        if batch_id not in self.batches:
            raise EchoMissingError(f"no batch {batch_id}")
        batch = self.batches[batch_id]
        if batch["status"] in ("validating", "in_progress"):
            if cancel:
                batch |= {"status": "cancelled", "cancelled_at": self.now_s()}
            else:
                self._serve(batch)
        return batch

    def _uploaded(self, body: bytes, content_type: bytes) -> Document:
        content: list[bytes] = []
        reader = FormReader(content_type, content.append)
        reader.feed(body)
        form = reader.finish()
        return self.kept(form.file_name, form.fields.get("purpose", ""), b"".join(content))

    def kept(self, filename: str, purpose: str, content: bytes) -> Document:
        """Keep a file; the document that describes it."""
        file_id = self._id("file")
        document = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": self.now_s(),
            "filename": filename,
            "purpose": purpose,
        }
        self.files[file_id] = EchoFile(document, content)
        return document

    def _created(self, asked: Document) -> Document:
        if asked["input_file_id"] not in self.files:
            raise EchoMissingError(f"no file {asked['input_file_id']}")
        window = str(asked["completion_window"])
        hours = int(window[:-1]) * (24 if window.endswith("d") else 1)
        created = self.now_s()
        content = self.files[asked["input_file_id"]].content
        batch = {
            "id": self._id("batch"),
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": window,
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": created,
            "expires_at": created + hours * _HOUR_S,
            "request_counts": {"total": len(content.splitlines()), "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        self.batches[batch["id"]] = batch
        return batch

    def _serve(self, batch: Document) -> None:
        """All lines at once."""
        results: dict[bool, list[Document]] = {True: [], False: []}
        for number, line in enumerate(self.files[batch["input_file_id"]].content.splitlines()):
            request = json.loads(line)
            try:
                status, answer = 200, self.answering(json.dumps(request["body"]).encode())
            except EchoRefusalError as refusal:
                status, answer = 400, {"error": {"message": str(refusal), "type": "invalid_request_error"}}
            results[status == 200].append(
                {
                    "id": f"batch_req_{batch['id']}_{number}",
                    "custom_id": request["custom_id"],
                    "response": {"status_code": status, "request_id": f"req_{number}", "body": answer},
                    "error": None,
                }
            )
        for served, name, field_name in (
            (True, "output", "output_file_id"),
            (False, "errors", "error_file_id"),
        ):
            if results[served]:
                content = b"".join(json.dumps(each).encode() + b"\n" for each in results[served])
                written = self.kept(f"{batch['id']}_{name}.jsonl", "batch_output", content)
                batch[field_name] = written["id"]
        completed, failed = len(results[True]), len(results[False])
        batch |= {
            "status": "completed",
            "completed_at": self.now_s(),
            "request_counts": {"total": completed + failed, "completed": completed, "failed": failed},
        }
