"""The native module. Its functions take what the package's own modules make of their arguments."""

from pathlib import Path
from typing import Any, Callable, Optional, Sequence, Union

from ._source import Source

VERSION: str

_Stage = tuple[str, Optional[str], float]
_Branch = tuple[Optional[str], Optional[str], list[_Stage], list[Path]]

def run(
    source: Source, options: Any, listener: Callable[..., Any], cancel: Any
) -> tuple[list[_Branch], Optional[str], list[tuple[str, str]], list[Path]]: ...
def plan(source: Source, force: Optional[list[str]]) -> list[tuple[Optional[str], str, str, Optional[str]]]: ...
def status(
    source: Source,
) -> tuple[Optional[str], list[tuple[Optional[str], str, str, bool]]]: ...
def what_if(
    source: Source,
    users: list[int],
    request_rates: list[float],
    limits: dict[str, list[Union[float, str]]],
    wait: bool,
    listener: Callable[..., Any],
    cancel: Any,
) -> str: ...
def check_calc(parameters: Any) -> None: ...
def calc(parameters: Any, listener: Callable[..., Any], cancel: Any) -> tuple[Optional[Path], str]: ...
def main(line: Sequence[str]) -> int: ...
def guard_with(program: str, arguments: Sequence[str]) -> None: ...
