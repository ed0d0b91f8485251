"""How every call of the engine ends: with an answer, or with one line that says why not."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import grpc

from pulumi_groq.errors import GroqError
from pulumi_groq.lifecycle.fault import fault_in_words
from pulumi_groq.plugin.engine_log import beside
from pulumi_groq.plugin.spelling import respelled

_S = TypeVar("_S")
_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")


def answering(
    method: Callable[[_S, _Request], _Answer],
) -> Callable[[_S, _Request, grpc.ServicerContext], _Answer]:
    """`method` as gRPC calls it: what it tells belongs to the request's resource, errors are one line.

    An unexpected error is reported by its type and place alone: its text may hold a value.
    """

    @wraps(method)
    def answer(self: _S, request: _Request, context: grpc.ServicerContext) -> _Answer:
        with beside(getattr(request, "urn", "")):
            try:
                return method(self, request)
            except GroqError as error:
                context.abort(grpc.StatusCode.UNKNOWN, respelled(str(error)))
            except NotImplementedError as error:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
            except Exception as error:  # noqa: BLE001 (the engine would print its traceback)
                context.abort(grpc.StatusCode.INTERNAL, fault_in_words(error))

    return answer
