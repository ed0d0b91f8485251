"""Calls that survive temporary failures: retries, one cooldown for all threads, a deadline per call."""

import threading
from collections.abc import Callable
from typing import Final

from pulumi_groq.admin.answers import AnswerReader
from pulumi_groq.admin.retry import RETRIED_STATUSES, Backoff, Cooldown
from pulumi_groq.admin.sending import Call, Deadline, Failure, HttpAnswer, Sender
from pulumi_groq.errors import GroqError

PARALLEL_CALLS: Final = 4


class RetryingTransport:
    """Sends calls, at most PARALLEL_CALLS at a time. Thread-safe.

    Tried again: 408, 429, 500, 502, 503, 504 and failures of the connection, a lost answer included;
    never a call that is not repeatable. Where the server says when to come back (`retry-after`) it
    is obeyed up to the deadline, and those attempts are not counted; the others are, by `backoff`.
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
        self._slots = threading.BoundedSemaphore(PARALLEL_CALLS)

    def send(self, call: Call) -> HttpAnswer:
        """The answer to `call`; one of RETRIED_STATUSES is never returned.

        Raises NoAnswerError when there is none in time, and ApiError for an answer that stays
        one of RETRIED_STATUSES.
        """
        deadline = Deadline(self._clock, self._deadline_s)
        retry = counted = 0
        while True:
            outcome = self._attempt(call, deadline)
            if isinstance(outcome, HttpAnswer) and outcome.status not in RETRIED_STATUSES:
                return outcome
            if not call.repeatable or (isinstance(outcome, Failure) and not outcome.passing):
                raise self._error(call, outcome)
            asked_s = outcome.retry_after_s if isinstance(outcome, HttpAnswer) else None
            counted += asked_s is None
            wait_s = max(asked_s or 0.0, self._backoff.delay_s(retry, self._random()))
            if isinstance(outcome, HttpAnswer) and (outcome.status == 429 or asked_s is not None):
                # A far-off time ends this call below; it must not lock this process for as long.
                self._cooldown.hold(min(wait_s, self._deadline_s))
            if counted >= self._backoff.most_attempts:
                raise self._error(
                    call, outcome, f"gave up after {counted} attempts in {deadline.elapsed_s():.0f} s"
                )
            if wait_s >= deadline.remaining_s():
                raise self._error(call, outcome, _too_long(wait_s, deadline))
            self._sleep(wait_s)
            retry += 1

    def _attempt(self, call: Call, deadline: Deadline) -> HttpAnswer | Failure:
        if not self._slots.acquire(timeout=max(0.0, deadline.remaining_s())):
            raise self._reader.not_sent(call, f"other calls took all of its {deadline.duration_s:g} s")
        try:
            self._wait_for_turn(call, deadline)
            return self._sender.attempt(call, deadline)
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
