"""What is asked about workers that did not answer."""

from datetime import datetime

from .document import Document


class PollersAsked(Document):
    """Whether a worker has asked for work since some moment."""

    task_queue: str
    since: datetime
    """By the clock of the server, which both times are from."""
