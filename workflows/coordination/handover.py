"""What one run of a coordinator hands over to the next, small enough for Temporal."""

import base64
import zlib

from .memory import Memory
from .records import Due, Remembered

MOST_PLAIN = 100_000
"""Characters; what is longer is compressed: Temporal takes 2 MB at once and warns before."""


class Handover(Remembered):
    """The memory, and the answers that are still due."""

    memory: Memory
    dues: list[Due] = []

    def pack(self) -> str:
        """As text: JSON, if it is short enough to be read by people."""
        text = self.model_dump_json(exclude_defaults=True)
        if len(text) <= MOST_PLAIN:
            return text
        return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def unpack(text: str) -> Handover:
    """What `pack` made.

    Raises:
        ValueError: it was not.
    """
    if not text.startswith("{"):
        text = zlib.decompress(base64.b64decode(text)).decode()
    return Handover.model_validate_json(text)
