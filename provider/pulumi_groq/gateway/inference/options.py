"""What an operator may set about the inference plane."""

from dataclasses import dataclass
from typing import Final

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """Sizes in bytes, times in seconds.

    `json_body_limit_bytes`, `audio_body_limit_bytes`: larger request bodies are 413.
    `answer_limit_bytes`: a JSON answer is read whole before it is passed on; a larger one is 502.
    `body_timeout_s`: how long a JSON request body may take to arrive, and how long an upload may pause
    between two pieces; then 408. `upload_timeout_s`: how long an upload may take in all: it holds money.
    `send_timeout_s`: how long a client may leave one piece of the answer unread; then it is cut off.
    `drain_after_disconnect_s`: how long a stream is read on for its usage after its client is gone.
    """

    json_body_limit_bytes: int = 32 * MIB
    audio_body_limit_bytes: int = 100 * MIB
    answer_limit_bytes: int = 64 * MIB
    body_timeout_s: float = 30.0
    upload_timeout_s: float = 3600.0
    send_timeout_s: float = 60.0
    drain_after_disconnect_s: float = 10.0


DEFAULT_OPTIONS: Final = InferenceOptions()
