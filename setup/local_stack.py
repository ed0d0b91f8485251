"""`make up` and `make down`: the reference stack on this machine, with no account and no prompt."""

import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import local_gateway
from checkout import LOCAL, ROOT, fail, say
from local_settings import (
    ENVIRONMENT_FILE,
    STACK,
    STATE,
    admin_key,
    pulumi_environment,
    write_environment_file,
)
from pulumi_cli import cli_folder

from pulumi_groq.admin import AdminClient, AdminSettings

STACK_FILE = ROOT / "stacks" / f"Pulumi.{STACK}.yaml"
DEFAULT_PORT = 8700

_NEXT = """\
Ready: {base_url} is a Groq API for this machine. Things to try, from this folder:

  . {environment}
{call}  pulumi-groq usage            # what it cost; also a page at {base_url}: sign in with $GROQ_ADMIN_KEY
  pulumi preview --diff        # after a change in stacks/access.yaml; `make up` applies it
  make down                    # destroys the stack and stops the gateway
"""

_CALL = """\
  KEY=$(pulumi stack output api_keys --show-secrets --json | python3 -c {program})
  curl -s -w '\\n' $GROQ_BASE_URL/openai/v1/chat/completions -H "Authorization: Bearer $KEY" \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


class Pulumi:
    """The Pulumi CLI on the local stack."""

    def __init__(self, cli: Path, base_url: str) -> None:
        self._command = str(cli / "pulumi")
        self._environment = pulumi_environment(cli, base_url)

    def shown(self, *arguments: str) -> bool:
        """Run with the output visible; whether it succeeded."""
        command = [self._command, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def quiet(self, *arguments: str) -> str | None:
        """Run without showing it; its standard output, or None where it failed."""
        command = [self._command, "--non-interactive", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode else done.stdout


def up(port: int) -> None:
    """Gateway, stack, `pulumi up`; running it again changes nothing."""
    cli = cli_folder()
    base_url = local_gateway.start(port)
    pulumi = Pulumi(cli, base_url)
    if pulumi.quiet("stack", "select", STACK) is None:
        _create_stack(pulumi)
    write_environment_file(cli, base_url)
    if not pulumi.shown("up", "--stack", STACK, "--yes", "--skip-preview", "--suppress-progress"):
        _fail_unfinished("up")
    sys.stdout.write(_next_commands(pulumi, base_url))


def _create_stack(pulumi: Pulumi) -> None:
    if STACK_FILE.exists():
        aside = STACK_FILE.with_name(f"{STACK_FILE.name}.bak")
        STACK_FILE.replace(aside)
        say(f"stacks/{STACK_FILE.name} belonged to a stack that is gone; it is now stacks/{aside.name}.")
    created = pulumi.shown("stack", "init", STACK, "--non-interactive")
    if (
        not created
        or pulumi.quiet("config", "set", "groq:allowDeleteInUse", "true", "--stack", STACK) is None
    ):
        fail(f"the stack {STACK} could not be created; Pulumi's reason stands above")


def _next_commands(pulumi: Pulumi, base_url: str) -> str:
    ids = json.loads(pulumi.quiet("stack", "output", "key_ids", "--json", "--stack", STACK) or "{}")
    call = ""
    for name, key_id in list(ids.items())[:1]:
        with AdminClient(AdminSettings(base_url, admin_key())) as gateway:
            model = gateway.get_key(key_id).allowed_models[0]
        program = f"import json, sys; print(json.load(sys.stdin)[{json.dumps(name)}])"
        call = _CALL.format(program=shlex.quote(program), model=model)
    return _NEXT.format(base_url=base_url, environment=ENVIRONMENT_FILE.relative_to(ROOT), call=call)


def _fail_unfinished(command: str) -> NoReturn:
    first = ""
    if any((STATE / ".pulumi" / "locks").rglob("*.json")):
        first = " after `. .local/env && pulumi cancel --yes`, once no other run is at work"
    fail(f"Pulumi did not finish; its reason stands above. `make {command}` tries again{first}")


def down(port: int) -> None:
    """Destroy the stack and stop the gateway, as far as they are there."""
    destroyed = STATE.exists() and _destroy(port)
    stopped = local_gateway.stop()
    say("Stopped the gateway." if stopped else "The gateway is not running.")
    if not destroyed:
        say(f"There is no stack {STACK} to destroy.")


def _destroy(port: int) -> bool:
    cli = cli_folder()
    if Pulumi(cli, "").quiet("stack", "select", STACK) is None:
        return False
    pulumi = Pulumi(cli, local_gateway.start(port))  # the keys are deleted where they live
    if not pulumi.shown(
        "destroy", "--stack", STACK, "--yes", "--skip-preview", "--suppress-progress", "--remove"
    ):
        _fail_unfinished("down")
    return True


def main() -> None:
    port = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        fail(f"PORT is {port!r}: it must be a number from 1 to 65535")
    command = {"up": up, "down": down}[sys.argv[1]]
    try:
        with _alone():
            command(int(port))
    except KeyboardInterrupt:
        fail(f"interrupted; `make {sys.argv[1]}` takes it up again")


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other `make up` or `make down` is at work in this checkout."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "make.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another make is at work here; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
