"""The command line: `holdfast`. Importing it imports no command; each comes when it is used."""

from .app import run

__all__ = ["run"]
