"""Records: frozen dataclasses made of JSON objects, and as columns of a table."""

from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Callable, Iterator, Mapping, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

Convert = Callable[[Any], Any]


def load(record: type[T], data: Mapping[str, Any]) -> T:
    """Makes a record of a JSON object. What the object leaves out is None, empty or false, by its type."""
    made = record.__new__(record)
    values = made.__dict__
    for name, convert, absent in _readers(cast(Any, record)):
        value = data.get(name)
        values[name] = absent() if value is None else convert(value)
    return made


@lru_cache(maxsize=None)
def _readers(record: Any) -> list[tuple[str, Convert, Callable[[], Any]]]:
    hints = get_type_hints(record)
    names = [field.name for field in fields(record)]
    return [(name, _converter(hints[name]), _absent(hints[name])) for name in names]


def _absent(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin in (dict, tuple):
        return origin
    if origin is Union:
        return type(None)
    if is_dataclass(hint):
        return lambda: load(cast(type, hint), {})
    return hint


def _converter(hint: Any) -> Convert:
    hint = optional(hint)
    origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return lambda value: load(cast(type, hint), value)
    if origin is tuple:
        each = _converter(args[0])
        return lambda value: tuple([each(it) for it in value])
    if origin is dict:
        key, each = args[0], _converter(args[1])
        return lambda value: {key(name): each(it) for name, it in value.items()}
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def optional(hint: Any) -> Any:
    """The type within an ``Optional``, or the type itself."""
    if get_origin(hint) is Union:
        (hint,) = [it for it in get_args(hint) if it is not type(None)]
    return hint


@lru_cache(maxsize=None)
def columns(record: type) -> dict[str, tuple[type, tuple[str, ...], bool]]:
    """Columns of a table of records: by name, the type of the values, the attributes that lead to one, and true if it
    can be None. Attributes of a record within have its name before theirs; sequences and maps have no column."""
    return {"_".join(path): (kind, path, may_lack) for path, kind, may_lack in _paths(record)}


def _paths(record: type) -> Iterator[tuple[tuple[str, ...], type, bool]]:
    hints = get_type_hints(record)
    for field in fields(record):
        hint = hints[field.name]
        inner = optional(hint)
        if is_dataclass(inner):
            for path, kind, may_lack in _paths(cast(type, inner)):
                yield (field.name, *path), kind, may_lack or inner is not hint
        elif inner in (bool, int, float, str):
            yield (field.name,), inner, inner is not hint


def at(record: Any, path: tuple[str, ...]) -> Any:
    """The value that attributes lead to; None where one on the way is None."""
    for name in path:
        if record is None:
            return None
        record = getattr(record, name)
    return record
