"""Counters of what was taken: rate buckets and monthly totals, behind one small protocol."""
