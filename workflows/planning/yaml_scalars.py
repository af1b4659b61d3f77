"""What a plain YAML scalar means: the YAML 1.2 core schema, kept to what JSON can carry."""

import math
import re
from typing import Final

MAX_INTEGER: Final = 2**63 - 1
"""Beyond it, other languages' JSON readers lose digits."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o([0-7]+)|0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def plain_value(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar; dates, times and `yes` or `no` are text.

    Raises:
        ValueError: a number that JSON cannot carry.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if based := _BASED.fullmatch(text):
        return _integer(based[1], 8) if based[1] else _integer(based[2], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError("a number too large to be kept; quote it if it is text")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("infinity and NaN are no values here; quote it if it is text")
    return text


def _integer(digits: str, radix: int) -> int:
    # Length first: Python refuses to read integers of more than 4300 digits.
    number = int(digits, radix) if len(digits.lstrip("+-0")) <= 63 else MAX_INTEGER + 1
    if abs(number) > MAX_INTEGER:
        raise ValueError("an integer of more than 64 bits; quote it if it is text")
    return number
