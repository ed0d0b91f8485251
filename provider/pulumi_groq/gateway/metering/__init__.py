"""Meters every request: reserves before it goes out, settles after, books it, alerts."""
