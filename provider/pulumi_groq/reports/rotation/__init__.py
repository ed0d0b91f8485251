"""Where each key of a stack stands in its rotation."""
