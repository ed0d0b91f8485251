"""Usage of a month: its facts, its rows, where it leads, and its formats."""
