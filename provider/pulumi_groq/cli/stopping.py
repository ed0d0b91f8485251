"""How commands end early, in one line: by Ctrl-C (exit code 130), or where their output cannot be written."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Final

import click

STOPPED: Final = 130
"""128 and the number of SIGINT, as shells have it."""

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class Stopped(click.ClickException):
    """Stopped by Ctrl-C; the message says what that leaves."""

    exit_code = STOPPED

    def show(self, file: IO[Any] | None = None) -> None:
        """The line on stderr, over the ^C that a terminal shows."""
        over = "\r" if sys.stderr.isatty() else ""
        click.echo(f"{over}Stopped{self.message and ': '}{self.message}.", file=file, err=True)


class StoppableGroup(click.Group):
    """Every command below it can be stopped; one that has more to say of it says so itself. A full disk
    behind the output is one line, too; a pipe that nobody reads any more is click's to end.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):  # a question that is not answered is an Abort
            raise Stopped("") from None
        except OSError as error:
            if error.errno not in _UNWRITABLE or error.filename is not None:
                raise
            _drop_output()
            raise click.ClickException(f"cannot write the output: {error.strerror}") from None


def _drop_output() -> None:
    """What is not written yet is not tried again when Python ends, which would be a second message."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def stopping(leaves: str) -> Iterator[Callable[[], None]]:
    """Ctrl-C in the block ends the command with `leaves`; once the block has called what it is given, nothing
    stops it any more.
    """
    former = signal.getsignal(signal.SIGINT)
    try:
        yield _go_to_the_end
    except KeyboardInterrupt:
        raise Stopped(leaves) from None
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the process with 0 in the block, unless something in it knows better. The kernel would not
    end the first process of a container, which then goes on until it is killed.
    """
    former = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _go_to_the_end() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
