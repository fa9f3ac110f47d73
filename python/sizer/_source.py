"""Specs as the native module reads them."""

import json
import os
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Optional, Union

from .errors import ParameterError, SpecError

SpecLike = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A spec: its path, its text, or its content."""

IN_MEMORY = "sizer.yml"
"""Name of the file that a spec in memory is taken to be in."""


class Source(NamedTuple):
    """A spec with a profile and changes."""

    path: Path
    text: Optional[str]
    is_value: bool
    profile: Optional[str]
    set: list[str]


def source(
    spec: SpecLike,
    file: Optional[Union[str, "os.PathLike[str]"]],
    profile: Optional[str],
    changes: Optional[Mapping[str, Any]],
) -> Source:
    """Tells a path, a text and a content apart: a text has a line break, or begins with a brace."""
    path = Path(IN_MEMORY if file is None else file)
    text: Optional[str] = None
    is_value = isinstance(spec, Mapping)
    if isinstance(spec, Mapping):
        try:
            text = _in_json(spec)
        except (TypeError, ValueError, RecursionError) as error:
            raise SpecError(f"error: {path}: the spec is not like one of YAML: {error}") from None
    elif isinstance(spec, str) and ("\n" in spec or spec.lstrip().startswith("{")):
        text = spec
    elif isinstance(spec, (str, os.PathLike)):
        if file is not None:
            raise ParameterError("file: is for a spec in memory; this one is a file already")
        path = Path(spec)
    else:
        kind = type(spec).__name__
        raise TypeError(f"a spec is a path, the text of one, or a dict, and not of type {kind}")
    try:
        lines = [f"{key}={_in_json(value)}" for key, value in (changes or {}).items()]
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"set: a value is not like one of YAML: {error}") from None
    return Source(path, text, is_value, profile, lines)


def _in_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    """Values that JSON has no name for: paths, and sequences and mappings of other types."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, bytes)) or not hasattr(value, "tolist"):
        raise TypeError(f"a value of type {type(value).__name__}")
    return value.tolist()
