"""The `runaway` argument of `GroqApiKey`, typed."""

from typing import TypedDict


class RunawayArgs(TypedDict, total=False):
    """What of a key's spend is a runaway, and what happens then; at least one of the first two is needed.

    :param spend_usd_per_10_min: More US dollars than this within 10 minutes are a runaway: above 0, up
        to 1,000,000,000, with at most 6 decimal places; unless set, no amount is by itself.
    :param times_usual: More than so many times what the key usually spends within 10 minutes at this
        hour of the day (UTC), by its last 14 days, is a runaway: 2 to 10,000. It holds from the key's
        fourth day on, and never below 0.01 US dollars; unless set, the usual does not matter.
    :param action: `pause_key` refuses the key's requests (400 `key_paused_runaway`) until it is resumed,
        and alerts; `alert` only alerts, at most once an hour; `pause_key` by default.
    :param resume_after_minutes: After so many minutes a paused key goes on by itself: 1 to 10,080;
        unless set, only once someone resumes it.
    """

    spend_usd_per_10_min: float
    times_usual: int
    action: str
    resume_after_minutes: int
