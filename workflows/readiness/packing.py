"""An estate, and what an evaluation remembers, as compressed text."""

import base64
import hashlib
import json
import zlib

from ..model.estate import Estate
from ..model.readiness import PackedEstate

LARGEST = 1_500_000
"""Characters; Temporal takes 2 MB at once."""


class EstateTooLarge(Exception):
    """An estate does not fit into one message, even compressed."""


def pack_estate(estate: Estate) -> PackedEstate:
    """The estate as text.

    Raises:
        EstateTooLarge: it does not fit into one message.
    """
    document = estate.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = squeeze(plain)
    if len(text) > LARGEST:
        raise EstateTooLarge(
            f"the estate {estate.name} has {len(text) / 1e6:.1f} MB even when it is compressed, and"
            f" {LARGEST / 1e6:.1f} MB can be sent at once; split it into estates of fewer sites"
        )
    return PackedEstate(
        name=estate.name,
        hash=hashlib.sha256(plain.encode()).hexdigest(),
        text=text,
        sites=tuple(site.name for site in estate.sites),
    )


def unpack_estate(packed: PackedEstate) -> Estate:
    """The estate that was packed.

    Raises:
        ValueError: it was not.
    """
    return Estate.model_validate_json(unsqueeze(packed.text))


def squeeze(text: str) -> str:
    """The same, shorter."""
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def unsqueeze(text: str) -> str:
    """What `squeeze` was given.

    Raises:
        ValueError: that was not made by it.
    """
    try:
        return zlib.decompress(base64.b64decode(text, validate=True)).decode()
    except zlib.error as error:
        raise ValueError(f"it cannot be decompressed: {error}") from None
