"""The parts of a message's content: what the body holds passes, what stands elsewhere does not."""

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from pulumi_groq.gateway.http.refusal import bad_request
from pulumi_groq.gateway.inference.reach.needs import (
    Needs,
    as_list,
    as_name,
    as_object,
    only,
    under,
    unserved,
)
from pulumi_groq.models.tools import FILE_IDS, FILE_URLS, IMAGE_URLS, INLINE_FILES

Part = dict[str, Any]

_WEB: Final = re.compile(r"https?://[!-~]+")
_EVERY_PART: Final = frozenset({"type", "prompt_cache_breakpoint"})
_TEXTS: Final = MappingProxyType(
    {
        "text": frozenset({"text"}),
        "input_text": frozenset({"text"}),
        "output_text": frozenset({"text", "annotations", "logprobs"}),
        "summary_text": frozenset({"text"}),
        "reasoning_text": frozenset({"text"}),
        "refusal": frozenset({"refusal"}),
    }
)


def read_content(content: Any, path: str, needs: Needs) -> None:
    """Of a message, or of a tool's output: text, or a list of parts."""
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise bad_request(f"{path} must be text or a list of parts.", param=path)
    for index, part in enumerate(content):
        at = f"{path}.{index}"
        _read_part(as_object(part, at), at, needs)


def _read_part(part: Part, path: str, needs: Needs) -> None:
    kind = as_name(part.get("type"), f"{path}.type")
    texts = _TEXTS.get(kind)
    if texts is not None:
        only(part, _EVERY_PART | texts, path)
        for name in texts & {"text", "refusal"}:
            as_name(part.get(name), f"{path}.{name}")
        return
    read = _OTHERS.get(kind)
    if read is None:
        raise unserved(f"{path}.type", "this gateway does not know such a part of a message.")
    read(part, path, needs)


def _image_url(part: Part, path: str, needs: Needs) -> None:
    only(part, _EVERY_PART | {"image_url"}, path)
    image, at = part.get("image_url"), f"{path}.image_url"
    if isinstance(image, dict):
        only(image, frozenset({"url", "detail"}), at)
        image, at = image.get("url"), f"{at}.url"
    _picture(image, at, needs)


def _input_image(part: Part, path: str, needs: Needs) -> None:
    only(part, _EVERY_PART | {"image_url", "file_id", "detail"}, path)
    if part.get("file_id") is not None:
        needs.add(FILE_IDS, f"{path}.file_id")
    if part.get("image_url") is not None:
        _picture(part["image_url"], f"{path}.image_url", needs)


def _picture(url: Any, path: str, needs: Needs) -> None:
    url = as_name(url, path)
    if url.startswith("data:image/"):
        return
    if url.startswith("data:"):
        needs.add(INLINE_FILES, path)
    else:
        _elsewhere(url, IMAGE_URLS, path, needs)


def _elsewhere(url: Any, permission: str, path: str, needs: Needs) -> None:
    if not _WEB.fullmatch(as_name(url, path)):
        raise unserved(path, "only http and https URLs can be permitted.")
    needs.add(permission, path)


def _input_audio(part: Part, path: str, _: Needs) -> None:
    only(part, _EVERY_PART | {"input_audio"}, path)
    at = f"{path}.input_audio"
    audio = as_object(part.get("input_audio"), at)
    only(audio, frozenset({"data", "format"}), at)
    as_name(audio.get("data"), f"{at}.data")


def _document(part: Part, path: str, _: Needs) -> None:
    only(part, _EVERY_PART | {"document"}, path)
    at = f"{path}.document"
    document = as_object(part.get("document"), at)
    only(document, frozenset({"data", "id"}), at)
    as_object(document.get("data"), f"{at}.data")


def _file(part: Part, path: str, needs: Needs) -> None:
    only(part, _EVERY_PART | {"file"}, path)
    at = f"{path}.file"
    file = as_object(part.get("file"), at)
    only(file, frozenset({"file_data", "file_id", "filename"}), at)
    _read_file(file, at, needs)


def _input_file(part: Part, path: str, needs: Needs) -> None:
    known = {"file_data", "file_id", "file_url", "filename", "detail"}
    only(part, _EVERY_PART | known, path)
    _read_file(part, path, needs)


def _read_file(file: Part, path: str, needs: Needs) -> None:
    # A file's pages may hold more tokens than it has bytes: it may be compressed.
    if file.get("file_data") is not None:
        needs.add(INLINE_FILES, f"{path}.file_data")
    if file.get("file_id") is not None:
        needs.add(FILE_IDS, f"{path}.file_id")
    if file.get("file_url") is not None:
        _elsewhere(file["file_url"], FILE_URLS, f"{path}.file_url", needs)


_OTHERS: Final[MappingProxyType[str, Callable[[Part, str, Needs], None]]] = MappingProxyType(
    {
        "image_url": _image_url,
        "input_image": _input_image,
        "input_audio": _input_audio,
        "document": _document,
        "file": _file,
        "input_file": _input_file,
    }
)


def read_documents(documents: Any) -> None:
    """`documents` of a chat: inline text or JSON only."""
    for index, document in enumerate(as_list(documents, "documents")):
        path = under("documents", index)
        only(as_object(document, path), frozenset({"source", "id"}), path)
        at = f"{path}.source"
        source = as_object(document.get("source"), at)
        if source.get("type") not in ("text", "json"):
            raise unserved(f"{at}.type", "only the sources text and json stand in the body.")
        only(source, frozenset({"type", "text", "data"}), at)
