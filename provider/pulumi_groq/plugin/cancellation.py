"""Ends waiting when the engine cancels the run."""

import threading

from pulumi_groq.errors import NoAnswerError


class Cancellation:
    """Lets requests under way finish, so that no answer is lost, and ends the waits between attempts."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End every wait, also those to come."""
        self._cancelled.set()

    def sleep(self, seconds: float) -> None:
        """Wait `seconds`. Raises NoAnswerError as soon as the run is cancelled."""
        if self._cancelled.wait(seconds):
            raise NoAnswerError("cancelled before the admin API was asked again: the next run takes it up")
