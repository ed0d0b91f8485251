"""The pulumi-groq command."""

import io
import os
import sys
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Run the command; without its extra, say in one line how to get it."""
    _open_closed_streams()
    _write_what_the_encoding_has()
    try:
        from pulumi_groq.cli.main import commands  # noqa: PLC0415 (click is an extra: the message comes first)
    except ModuleNotFoundError as missing:
        sys.exit(f"pulumi-groq: {missing.name} is missing: pip install 'pulumi-groq[cli]'")
    except KeyboardInterrupt:  # while it starts; later the group of commands ends it
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
    commands()


def _open_closed_streams() -> None:
    """A stream that the caller closed reads and writes nothing; else the next file opened would take its
    place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (to the end)


def _write_what_the_encoding_has() -> None:
    """Where a terminal or a pipe is not UTF-8, what it cannot show is a question mark and no failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
