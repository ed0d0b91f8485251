"""The pulumi-groq command."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command; without its extra, say in one line how to get it."""
    try:
        from pulumi_groq.cli.main import commands  # noqa: PLC0415 (click is an extra: the message comes first)
    except ModuleNotFoundError as missing:
        sys.exit(f"pulumi-groq: {missing.name} is missing: pip install 'pulumi-groq[cli]'")
    except KeyboardInterrupt:  # while it starts; later the group of commands ends it
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
    commands()
