"""The parent of every document and message: frozen, and closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """An immutable value that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
