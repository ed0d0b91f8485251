"""The allow-list: what the inference plane serves, by exact method and path."""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from pulumi_groq.catalogue.catalogue import Kind
from pulumi_groq.gateway.http.asgi import Scope
from pulumi_groq.gateway.http.refusal import Refusal, bad_request, unknown_url

PREFIX: Final = "/openai/v1"
MODELS_PATH: Final = f"{PREFIX}/models"
UNMETERED: Final = ("batches", "files")


class BodyFormat(Enum):
    """How a request's body is written."""

    JSON = "json"
    MULTIPART = "multipart"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `label` is its name in metrics and logs; `kind` is the kind of model it takes."""

    label: str
    path: str
    form: BodyFormat
    kind: Kind | None = None


def _posts(name: str, kind: Kind, form: BodyFormat = BodyFormat.JSON) -> tuple[tuple[str, str], Route]:
    path = f"{PREFIX}/{name}"
    return ("POST", path), Route(label=name, path=path, form=form, kind=kind)


CHAT_LABEL: Final = "chat/completions"
RESPONSES_LABEL: Final = "responses"
MODELS: Final = Route(label="models", path=MODELS_PATH, form=BodyFormat.NONE)
MODEL: Final = Route(label="models/{id}", path=f"{MODELS_PATH}/", form=BodyFormat.NONE)

ROUTES: Final = MappingProxyType(
    {
        **dict(
            (
                _posts(CHAT_LABEL, "chat"),
                _posts(RESPONSES_LABEL, "chat"),
                _posts("embeddings", "embedding"),
                _posts("audio/transcriptions", "transcription", BodyFormat.MULTIPART),
                _posts("audio/translations", "transcription", BodyFormat.MULTIPART),
                _posts("audio/speech", "speech"),
            )
        ),
        ("GET", MODELS_PATH): MODELS,
    }
)


def find_route(scope: Scope) -> Route:
    """The route of a request. Raises `Refusal`: 404 off the list, 400 for what cannot be metered.

    The path is compared as it was sent: nothing is decoded, folded or normalised, so that no second
    spelling of a path exists. Only the id in `models/{id}` may be percent-encoded.
    """
    method: str = scope["method"]
    path: str = scope["path"]
    route = ROUTES.get((method, path))
    if route is not None and scope["raw_path"] == path.encode("latin-1", "replace"):
        return route
    if method == "GET" and scope["raw_path"].startswith(b"/openai/v1/models/") and path != MODEL.path:
        return MODEL
    if path.removeprefix(f"{PREFIX}/").split("/", 1)[0] in UNMETERED and path.startswith(f"{PREFIX}/"):
        raise _unmetered(path)
    raise unknown_url(method, path)


def _unmetered(path: str) -> Refusal:
    name = path.removeprefix(f"{PREFIX}/").split("/", 1)[0]
    return bad_request(
        f"This gateway does not serve {name}: what a batch costs is known up to 24 hours after the request, "
        "so it cannot be held to a key's limits and budget. Send the requests to chat/completions instead.",
        code="unsupported_operation",
    )
