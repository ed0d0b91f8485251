"""Calls that survive temporary failures: retries, one cooldown for all threads, a deadline per call."""

import threading
from collections.abc import Callable
from typing import Final

from pulumi_groq.admin.answers import AnswerReader
from pulumi_groq.admin.retry import AWAY_STATUSES, RETRIED_STATUSES, Backoff, Cooldown
from pulumi_groq.admin.sending import Call, Deadline, Failure, HttpAnswer, Sender
from pulumi_groq.errors import GroqError

PARALLEL_CALLS: Final = 4

FIRST_CONTACT_S: Final = 1.0
"""How long a server that no call has reached is tried: nothing is under way that a restart can cut off."""


class RetryingTransport:
    """Sends calls, at most PARALLEL_CALLS at a time. Thread-safe.

    Tried again: 408, 429, 500, 502, 503, 504 and failures of the connection, a lost answer included;
    never a call that is not repeatable. Where the server says when to come back (`retry-after`) it
    is obeyed up to the deadline, and those attempts are not counted; the others are, by `backoff`.
    A server that no call has reached yet is tried for FIRST_CONTACT_S only: most likely nothing is there.
    One that is away later is waited for by what writes, and by all calls once something was written.
    Once a call has given up, those that only read are not tried again either, until the server answers.
    A 429, and any answer with `retry-after`, holds the calls of all threads until its wait is over.
    """

    def __init__(
        self,
        sender: Sender,
        reader: AnswerReader,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
        deadline_s: float,
        backoff: Backoff,
    ) -> None:
        self._sender = sender
        self._reader = reader
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._deadline_s = deadline_s
        self._backoff = backoff
        self._cooldown = Cooldown(clock)
        self._reached = False
        self._given_up = False
        self._begun = False
        self._slots = threading.BoundedSemaphore(PARALLEL_CALLS)

    def send(self, call: Call) -> HttpAnswer:
        """The answer to `call`; one of RETRIED_STATUSES is never returned.

        Raises NoAnswerError when there is none in time, and ApiError for an answer that stays
        one of RETRIED_STATUSES.
        """
        deadline = Deadline(self._clock, self._deadline_s)
        once = self._given_up and call.method == "GET"
        retry = counted = 0
        while True:
            outcome = self._attempt(call, deadline)
            if isinstance(outcome, HttpAnswer) and outcome.status not in RETRIED_STATUSES:
                self._given_up = False
                self._begun |= call.method != "GET"
                return outcome
            if not call.repeatable or (isinstance(outcome, Failure) and not outcome.passing):
                raise self._error(call, outcome)
            asked_s = outcome.retry_after_s if isinstance(outcome, HttpAnswer) else None
            counted += asked_s is None
            wait_s = max(asked_s or 0.0, self._backoff.delay_s(retry, self._random()))
            if isinstance(outcome, HttpAnswer) and (outcome.status == 429 or asked_s is not None):
                # A far-off time ends this call below; it must not lock this process for as long.
                self._cooldown.hold(min(wait_s, self._deadline_s))
            patience_s = self._patience_s(call, outcome)
            end = self._end(counted, wait_s, patience_s, deadline)
            if once and asked_s is None:
                end = "an earlier call has waited for it in vain"
            if end is not None:
                self._given_up = True
                raise self._error(call, outcome, end)
            self._sleep(wait_s)
            retry += 1

    def _patience_s(self, call: Call, outcome: HttpAnswer | Failure) -> float:
        """How long the call goes on beyond its number of attempts."""
        proxied = isinstance(outcome, HttpAnswer) and outcome.status in AWAY_STATUSES
        away = proxied or (isinstance(outcome, Failure) and outcome.unreachable)
        return self._backoff.away_s if away and (self._begun or call.method != "GET") else 0.0

    def _end(self, counted: int, wait_s: float, patience_s: float, deadline: Deadline) -> str | None:
        """Why a call that has failed `counted` times is not tried again after `wait_s`, if it is not."""
        if not self._reached and deadline.elapsed_s() + wait_s > FIRST_CONTACT_S:
            return f"tried {'once' if counted == 1 else f'{counted} times'}"
        if counted >= self._backoff.most_attempts and deadline.elapsed_s() + wait_s >= patience_s:
            return f"gave up after {counted} attempts in {deadline.elapsed_s():.0f} s"
        return _too_long(wait_s, deadline) if wait_s >= deadline.remaining_s() else None

    def _attempt(self, call: Call, deadline: Deadline) -> HttpAnswer | Failure:
        if not self._slots.acquire(timeout=max(0.0, deadline.remaining_s())):
            raise self._reader.not_sent(call, f"other calls took all of its {deadline.duration_s:g} s")
        try:
            self._wait_for_turn(call, deadline)
            outcome = self._sender.attempt(call, deadline)
            self._reached |= not (isinstance(outcome, Failure) and outcome.unreachable)
            return outcome
        finally:
            self._slots.release()

    def _wait_for_turn(self, call: Call, deadline: Deadline) -> None:
        while (wait_s := self._cooldown.remaining_s()) > 0:
            if wait_s >= deadline.remaining_s():
                raise self._reader.not_sent(
                    call, f"the server asked all calls to wait, and {_too_long(wait_s, deadline)}"
                )
            self._sleep(wait_s)
        if deadline.remaining_s() <= 0:
            raise self._reader.not_sent(call, f"its {deadline.duration_s:g} s are over")

    def _error(self, call: Call, outcome: HttpAnswer | Failure, note: str = "") -> GroqError:
        if isinstance(outcome, HttpAnswer):
            return self._reader.error(call, outcome, note)
        return self._reader.failure(call, outcome, note)


def _too_long(wait_s: float, deadline: Deadline) -> str:
    left_s = max(0.0, deadline.remaining_s())
    return f"the wait of {wait_s:.1f} s is longer than the {left_s:.1f} s left of {deadline.duration_s:g} s"
