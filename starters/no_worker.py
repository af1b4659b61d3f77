"""The error that every part of the client shares."""


class NoWorker(Exception):
    """No worker answered in time."""
