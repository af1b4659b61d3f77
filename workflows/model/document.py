"""The parent of every document and message: frozen, and closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """An immutable value that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Answer(Document):
    """What an activity answers. A newer worker may say more than is understood here."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
