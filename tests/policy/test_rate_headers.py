"""The x-ratelimit headers: the daily request limit and the per-minute token limit, as at Groq."""

from key_factory import MakeKey
from pulumi_groq.policy.limits import RateHeaders
from pulumi_groq.policy.quotas import rate_quotas


def test_both_limits_are_shown(make_key: MakeKey) -> None:
    """Limit, remaining and reset of requests a day and tokens a minute; no other limit has headers."""
    key = make_key(requests_per_minute=30, requests_per_day=1000, tokens_per_minute=8000, tokens_per_day=9000)
    quotas = rate_quotas(key)
    levels = {
        "requests_per_minute": 1,
        "requests_per_day": 0.5,
        "tokens_per_minute": 1000.2,
        "tokens_per_day": 10,
    }

    assert RateHeaders(quotas).at([levels[quota.limit] for quota in quotas]) == (
        (b"x-ratelimit-limit-requests", b"1000"),
        (b"x-ratelimit-remaining-requests", b"999"),
        (b"x-ratelimit-reset-requests", b"1m26.4s"),
        (b"x-ratelimit-limit-tokens", b"8000"),
        (b"x-ratelimit-remaining-tokens", b"6999"),
        (b"x-ratelimit-reset-tokens", b"7.5075s"),
    )


def test_an_overdrawn_bucket_has_nothing_remaining(make_key: MakeKey) -> None:
    """Remaining never goes below zero."""
    headers = RateHeaders(rate_quotas(make_key(tokens_per_minute=100)))

    assert (b"x-ratelimit-remaining-tokens", b"0") in headers.at([120])


def test_unlimited_has_no_headers(make_key: MakeKey) -> None:
    """There is no number for unlimited, so nothing is sent."""
    assert RateHeaders(rate_quotas(make_key())).at([]) == ()
