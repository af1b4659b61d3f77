"""The fencing bookkeeping on Azure resources: idempotency key and epoch, in tags or headers.

A resource with tags of its own carries them in tags, where they stay visible; a request whose body
has no tags (an endpoint, a POST) may carry them as headers of the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .front import Call

KEY: Final = "holdfast-idempotency-key"
EPOCH: Final = "holdfast-epoch"
_PREFIX: Final = "holdfast-"
_LONGEST_EPOCH: Final = 18


def fencing_of(call: Call) -> tuple[str | None, int | None]:
    """The idempotency key and the epoch that a request carries; None for what it does not."""
    body = call.body if isinstance(call.body, dict) else {}
    given = body.get("tags")
    tags = given if isinstance(given, dict) else {}
    key = tags.get(KEY) or call.request.headers.get(KEY)
    epoch = tags.get(EPOCH) or call.request.headers.get(EPOCH)
    return key if isinstance(key, str) else None, as_epoch(epoch)


def as_epoch(text: object) -> int | None:
    """The epoch in a tag's text, or None when it is none."""
    if isinstance(text, str) and text.isdecimal() and len(text) <= _LONGEST_EPOCH:
        return int(text)
    return None


def without_fencing(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that say what the resource is, without those that say who wrote it last."""
    return {name: tag for name, tag in tags.items() if not name.startswith(_PREFIX)}
