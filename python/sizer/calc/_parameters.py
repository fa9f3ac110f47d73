"""Values of parameters, converted where they can only mean one thing."""

import os
from pathlib import Path
from typing import Any, Iterable, Optional

from ..errors import ParameterError


def wrong(name: str, what: str, value: Any) -> ParameterError:
    """The error for a value of another kind, which is not repeated: it can be anything."""
    return ParameterError(f"{name}: {what}, not of type {type(value).__name__}")


def path(name: str, value: Any) -> Optional[Path]:
    """A path, or None."""
    if value is None or isinstance(value, Path):
        return value
    if isinstance(value, (str, os.PathLike)):
        return Path(value)
    raise wrong(name, "a path", value)


def text(name: str, value: Any) -> Optional[str]:
    """A text, or None."""
    if value is None or isinstance(value, str):
        return value
    raise wrong(name, "a text", value)


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise wrong(name, "True or False", value)


def number(name: str, value: Any) -> float:
    """A number; a text that is one is read."""
    if not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise wrong(name, "a number", value)


def whole(name: str, value: Any) -> int:
    """A whole number from 0, of 32 bits."""
    found = number(name, value)
    if not found.is_integer():
        raise ParameterError(f"{name}: a whole number")
    if found < 0:
        raise ParameterError(f"{name}: a number from 0")
    if found >= 2**32:
        raise ParameterError(f"{name}: a number that is too large")
    return int(found)


def integers(name: str, value: Any) -> list[int]:
    """Whole numbers from 0."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise wrong(name, "a list of whole numbers", value)
    return [whole(name, each) for each in value]


def alias(name: str, value: Optional[float], p95: Optional[float]) -> float:
    """One value of two spellings; 0 if neither is given."""
    if value is not None and p95 is not None and value != p95:
        raise ParameterError(f"{name} and {name}_p95 are the same, and given with different values")
    if value is None:
        value = p95
    return 0 if value is None else value
