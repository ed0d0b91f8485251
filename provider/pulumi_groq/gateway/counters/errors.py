"""Why counters cannot be asked."""


class CountersUnavailableError(Exception):
    """A shared back end does not answer. The text is for `/readyz` and the log, and holds no password."""
