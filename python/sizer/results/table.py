"""Levels as a sequence and as a table."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Iterable, Union, overload

from .._html import levels_table
from .._records import at, columns
from .levels import Level

if TYPE_CHECKING:
    import pandas
    import pyarrow  # type: ignore[import-untyped,unused-ignore]

    _Base = Sequence[Level]
else:
    _Base = Sequence


class Levels(_Base):
    """Levels in ascending order of concurrency."""

    def __init__(self, levels: Iterable[Level]) -> None:
        self._levels: tuple[Level, ...] = tuple(levels)

    def __len__(self) -> int:
        return len(self._levels)

    @overload
    def __getitem__(self, at: int) -> Level: ...
    @overload
    def __getitem__(self, at: slice) -> "Levels": ...
    def __getitem__(self, at: Union[int, slice]) -> "Union[Level, Levels]":
        return Levels(self._levels[at]) if isinstance(at, slice) else self._levels[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Levels) and self._levels == other._levels

    def __hash__(self) -> int:
        return hash(tuple(level.concurrency for level in self._levels))

    def __repr__(self) -> str:
        return f"<sizer.Levels {', '.join(str(level.concurrency) for level in self._levels)}>"

    def _repr_html_(self) -> str:
        return levels_table(self)

    def to_columns(self) -> dict[str, list[Any]]:
        """One list per figure, named as in ``workflow_runtime_p95``. Sequences and maps, such as ``failures``, are left
        out."""
        paths = columns(Level).items()
        return {name: [at(level, path) for level in self] for name, (_, path, _) in paths}

    def to_pandas(self) -> "pandas.DataFrame":
        """A data frame with the columns of :meth:`to_columns`; integers that can be None are ``Int64``."""
        package = _package("pandas", "to_pandas")
        values = self.to_columns()
        kinds = columns(Level)
        series = {name: package.Series(of, dtype=_dtype(*kinds[name])) for name, of in values.items()}
        frame: pandas.DataFrame = package.DataFrame(series)
        return frame

    def to_arrow(self) -> "pyarrow.Table":
        """An Arrow table with the columns of :meth:`to_columns`."""
        arrow = _package("pyarrow", "to_arrow")
        types = {bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
        kinds = columns(Level).items()
        schema = arrow.schema([(name, types[kind]) for name, (kind, _, _) in kinds])
        table: pyarrow.Table = arrow.table(self.to_columns(), schema=schema)
        return table


def _dtype(kind: type, _path: tuple[str, ...], may_lack: bool) -> str:
    if kind is int:
        return "Int64" if may_lack else "int64"
    return {bool: "bool", float: "float64", str: "object"}[kind]


def _package(name: str, method: str) -> Any:
    """Imports a package that only this needs."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        message = f"Levels.{method} needs the package {name}: pip install {name}"
        raise ModuleNotFoundError(message, name=name) from None
