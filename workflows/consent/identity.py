"""When two names are one person's.

Names are what a client says they are until they are signed. What can be held against spelling alone
is: another case or width, more spaces, accents composed another way, characters that do not show.
Letters of another alphabet that look alike are other letters.
"""

import unicodedata

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
"""Characters that are drawn as nothing, though Unicode counts them as letters or marks."""


def same_person(one: str, other: str) -> bool:
    """Whether two names, however they are spelt, are one person's."""
    return identity(one) == identity(other)


def identity(name: str) -> str:
    """A name without what does not tell people apart; empty if nothing is left of it."""
    # Folding makes new characters to decompose, and decomposing new ones to fold: twice settles it.
    for _ in range(2):
        name = unicodedata.normalize("NFKD", name)
        name = "".join(char for char in name if not _is_unseen(char)).casefold()
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _is_unseen(char: str) -> bool:
    if char in _UNSEEN:
        return True
    # Tabs and line ends are control characters, but they are drawn: as space.
    return unicodedata.category(char) in ("Cf", "Cc") and not char.isspace()
