"""A service that reads its key from a file, and again when the file changes, on SIGHUP, and after a 401.

Something else keeps the file: a mounted Kubernetes Secret, the agent of a secrets manager, a sidecar.
Each line of standard input is a prompt. Environment: GROQ_KEY_FILE, and GROQ_BASE_URL of the gateway.
"""

import os
import signal
import sys
from pathlib import Path

import groq


class KeyFile:
    """The key in a file. Whoever replaces the file need not tell anybody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._key = ""

    def key(self) -> str:
        """The key as the file has it now; while there is no file, the last one that it had."""
        try:
            found = self._path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._key = self._path.read_text(encoding="utf-8").strip()
                self._stamp = stamp
        except FileNotFoundError:
            if not self._key:
                raise
        return self._key

    def read_again(self, *_: object) -> None:
        """Let the next request read the file, changed or not; a signal handler."""
        self._stamp = None


def answer(client: groq.Groq, key_file: KeyFile, prompt: str) -> str:
    """The model's answer. A key that was retired a moment ago costs one more try, not an error."""
    messages = [{"role": "user", "content": prompt}]
    for tries_left in (1, 0):
        try:
            completion = client.with_options(api_key=key_file.key()).chat.completions.create(
                model="openai/gpt-oss-20b",
                messages=messages,  # type: ignore[arg-type]  # a plain dict is one of its types
                max_completion_tokens=100,
            )
        except groq.AuthenticationError:
            if not tries_left:
                raise
            key_file.read_again()
        else:
            return completion.choices[0].message.content or ""
    raise AssertionError("unreachable")


def main() -> None:
    """Answer each line."""
    key_file = KeyFile(Path(os.environ["GROQ_KEY_FILE"]))
    signal.signal(signal.SIGHUP, key_file.read_again)
    # A name of its own: `pulumi-groq rotation status --consumers` shows who has moved by it.
    client = groq.Groq(api_key=key_file.key(), default_headers={"User-Agent": "reads-again/1"})
    for line in sys.stdin:
        print(answer(client, key_file, line.strip()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
