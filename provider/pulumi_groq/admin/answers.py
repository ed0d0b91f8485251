"""From an answer to a model, or to the error that says in one line what failed, why, and what to do."""

import re
from http import HTTPStatus
from typing import Final, TypeVar

from pydantic import ValidationError

from pulumi_groq.admin.sending import Call, Failure, HttpAnswer
from pulumi_groq.admin.settings import AdminSettings, Redaction
from pulumi_groq.errors import (
    ApiError,
    InsufficientRoleError,
    NoAnswerError,
    NotFoundError,
    UnexpectedAnswerError,
    error_class,
)
from pulumi_groq.models.error import ErrorBody, ErrorDetail
from pulumi_groq.models.fields import WireModel

ModelT = TypeVar("ModelT", bound=WireModel)

_FIELD_NAME: Final = re.compile(r"[a-z_]{1,64}")
_LATER: Final = "try again later"
_ADVICE: Final = {
    408: _LATER,
    413: "send less: shorter lists, fewer or shorter metadata labels",
    429: _LATER,
}


class AnswerReader:
    """Reads answers. A later server may add fields, so unknown fields of answers are ignored."""

    def __init__(self, settings: AdminSettings, redaction: Redaction) -> None:
        self._settings = settings
        self._base_url = settings.base_url
        self._correct_address = settings.names.base_url.correct
        self._redaction = redaction

    def model(self, call: Call, answer: HttpAnswer, model: type[ModelT]) -> ModelT:
        """The body as `model`. Raises ApiError for an error answer, and when the body does not fit."""
        if not 200 <= answer.status < 300:
            raise self.error(call, answer)
        try:
            return model.model_validate_json(answer.body, extra="ignore")
        except ValidationError as error:
            misfit = _misfit(error)
        raise self.unexpected(call, answer, misfit)

    def error(self, call: Call, answer: HttpAnswer, note: str = "") -> ApiError:
        """The error that `answer` stands for; `note` says why it was not tried again."""
        detail = _detail(answer.body)
        kind = error_class(answer.status, detail.code)
        if answer.status < 400:
            return self.unexpected(call, answer, _no_error(answer.status))
        # "Gone" is believed only from the admin API itself: a proxy's or another API's 404 must not
        # make every key look deleted.
        if kind is NotFoundError and not (detail.code or "").endswith("_not_found"):
            return self.unexpected(call, answer, detail.message or "there is no such address", detail)
        if answer.status in {401, 403}:
            advice = self._other_credential(kind, answer.status)
        else:
            advice = _ADVICE.get(answer.status, _LATER if answer.status >= 500 else "")
        return self._error(kind, call, answer, detail, "; ".join(filter(None, (note, advice))))

    def _other_credential(self, kind: type[ApiError], status: int) -> str:
        settings, names = self._settings, self._settings.names
        if settings.workload is not None:
            return f"use a workload identity that may do this: {names.workload_identity}"
        if settings.is_for_models:
            return f"the key is one for calling models, not an admin key: {names.admin_key.correct}"
        if kind is InsufficientRoleError:
            return f"use an admin key with that role: {names.admin_key.correct}"
        which = "correct the admin key" if status == 401 else "use the gateway's admin key"
        return f"{which}: {names.admin_key.correct}"

    def unexpected(
        self, call: Call, answer: HttpAnswer, why: str, detail: ErrorDetail | None = None
    ) -> ApiError:
        """The error of an answer that is not the admin API's."""
        advice = (
            f"check that {self._base_url} is the admin API, in a version that fits: {self._correct_address}"
        )
        detail = (detail or ErrorDetail()).model_copy(update={"message": why})
        return self._error(UnexpectedAnswerError, call, answer, detail, advice)

    def failure(self, call: Call, failure: Failure, note: str = "") -> NoAnswerError:
        """The error of a call whose last attempt ended in `failure`."""
        reason = "; ".join(filter(None, (f"no answer from {self._base_url}: {failure.reason}", note)))
        advice = (
            failure.advice
            or f"check that the gateway runs there, or correct the address: {self._correct_address}"
        )
        return NoAnswerError(f"{self._cannot(call)}: {reason}; {advice}")

    def not_sent(self, call: Call, reason: str) -> NoAnswerError:
        """The error of a call that may not be sent, or not be sent again."""
        return NoAnswerError(f"{self._cannot(call)}: {reason}; {_LATER}")

    def _cannot(self, call: Call) -> str:
        return f"cannot {self._redaction.line(call.operation)}"

    def _error(
        self, kind: type[ApiError], call: Call, answer: HttpAnswer, detail: ErrorDetail, advice: str
    ) -> ApiError:
        code, param = self._short(detail.code), self._short(detail.param)
        request_id = self._short(answer.headers.get("x-request-id"))
        facts = [" ".join(filter(None, (str(answer.status), code)))]
        facts += [f"at {param}"] if param else []
        facts += [f"request {request_id}"] if request_id else []
        why = self._redaction.line(detail.message) or _phrase(answer.status)
        message = f"{self._cannot(call)}: {why} ({', '.join(facts)})"
        return kind(
            f"{message}; {advice}" if advice else message,
            status=answer.status,
            code=code,
            param=param,
            request_id=request_id,
            retry_after_s=answer.retry_after_s,
            key_id=self._short(answer.headers.get("x-api-key-id")),
        )

    def _short(self, text: str | None) -> str | None:
        return self._redaction.line(text, longest=100) or None if text else None


def _detail(body: bytes) -> ErrorDetail:
    """The error in `body`; an empty one where the body is not in Groq's envelope."""
    try:
        return ErrorBody.model_validate_json(body).error
    except ValidationError:
        return ErrorDetail()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _no_error(status: int) -> str:
    if 300 <= status < 400:
        return "the answer is a redirect, which is not followed since it would carry the admin key along"
    return "the answer is neither a success nor an error"


def _misfit(error: ValidationError) -> str:
    """Where the body does not fit, in our own field names only: the body may hold a key's value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "the answer is not JSON, or is cut off"
    known = (str(part) for part in first["loc"] if isinstance(part, int) or _FIELD_NAME.fullmatch(part))
    return f"the answer does not fit at `{'.'.join(known) or 'its root'}`"
