"""The message that asks to wait for a source that did not answer."""

from .document import Document
from .step import ProbeInput


class AwaitReturnInput(Document):
    """Look at these steps until the system of one of them answers again."""

    run: str
    """The steps' action, by its dotted name."""
    probe: ProbeInput
    """The steps, all of one site."""
