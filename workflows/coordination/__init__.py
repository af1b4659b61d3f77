"""What an estate's coordinator decides. Pure: events and the time in, answers and reasons out."""

from .ledger import EstateLedger

__all__ = ["EstateLedger"]
