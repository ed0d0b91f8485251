"""A resource's registration with the SDK, at a cost that grows no faster than the stack."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from types import FrameType
from typing import Any, Final

import pulumi
from pulumi.runtime.settings import SETTINGS

_SDK_FRAMES: Final = 4
"""The two constructors of `CustomResource`, what registers or reads for them, and what looks at the stack."""

_CALLERS: Final = frozenset({"asyncio.events", "pulumi.output", "pulumi.runtime.stack"})
"""The modules that call what is the program's: coroutines, functions given to `apply`, whole programs."""

_limiting = RLock()


def register(
    resource: pulumi.CustomResource,
    kind: str,
    name: str,
    properties: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> None:
    """Register `resource`, or read it where `opts` hold an id; called from its constructor's own frames.

    That is by the constructor of `CustomResource`, not of `pulumi.dynamic.Resource`, which would pickle the
    same provider for each resource, and would have the engine keep our line as the one that declares: the
    SDK takes the caller of the third constructor for the program.
    """
    with _program_frames_alone(sys._getframe()):
        pulumi.CustomResource.__init__(resource, kind, name, properties, opts)
    _have_registrations_awaited()


def _have_registrations_awaited() -> None:
    """Have the SDK wait for registrations, once the program has ended, rather than for each of their outputs.

    At the program's end it awaits what is registering (pulumi 3.259, `wait_for_rpcs` in
    `runtime/stack.py`); but none has begun by then, so that it waited for all outputs of all resources,
    anew whenever one came: most of the program's time from about 1,000 keys on. Something to await there
    lets them begin.
    """
    if not SETTINGS.rpc_manager.rpcs:
        SETTINGS.rpc_manager.rpcs.append(asyncio.ensure_future(asyncio.sleep(0)))


@contextmanager
def _program_frames_alone(frame: FrameType) -> Iterator[None]:
    """Have the resource that is constructed in `frame` carry the program's frames, not those that run it.

    The SDK sends the whole stack (`runtime/resource.py`), and the engine keeps it in the resource's state.
    The frames of launcher and event loop were more than a third of a key's state, which an engine writes
    whole after each step, and they name the folders of whoever ran it. The SDK reads the stack through
    `traceback.extract_stack`, which heeds `sys.tracebacklimit`.
    """
    with _limiting:
        before = getattr(sys, "tracebacklimit", None)
        sys.tracebacklimit = _SDK_FRAMES + _frames_of_program(frame)
        try:
            yield
        finally:
            if before is None:
                del sys.tracebacklimit
            else:
                sys.tracebacklimit = before


def _frames_of_program(frame: FrameType | None) -> int:
    """How many frames there are from `frame` to the last one of the program.

    That is its own module, or what the event loop or the SDK calls: of an asynchronous program, of an inline
    one of the Automation API, or in `apply`.
    """
    count = 0
    while frame is not None and frame.f_globals.get("__name__") not in _CALLERS:
        count += 1
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            break
        frame = frame.f_back
    return count
