"""Exceptions by kind. Each has the message that the command prints, and its exit code."""

from typing import Optional


class SizerError(Exception):
    """A failure. Every other exception of this package is one as well."""

    exit_code: int
    """Exit code that the command ends with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message, exit_code)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])


class SpecError(SizerError):
    """A spec, or a file that it names, that cannot be used."""

    line: Optional[int]
    """Line of the spec, counted from 1."""

    column: Optional[int]
    """Column in that line, counted from 1."""

    def __init__(
        self,
        message: str,
        exit_code: int = 2,
        line: Optional[int] = None,
        column: Optional[int] = None,
    ) -> None:
        super().__init__(message, exit_code)
        self.args = (message, exit_code, line, column)
        self.line = line
        self.column = column


class DatasetError(SizerError):
    """A dataset that cannot be used."""


class RecordingError(SizerError):
    """A recording of another load generator that cannot be used."""


class StoreError(SizerError):
    """A store, lock file or output that cannot be read or written, or that another process uses."""


class LoadError(SizerError):
    """Load that could not be kept up."""


class UnreachableError(LoadError):
    """A workflow that cannot be reached, or can no longer be reached."""


class MissingError(SizerError):
    """A measurement that is not there and may not be made."""


class StageError(SizerError):
    """A name that no stage has."""


class ReportError(SizerError):
    """A report that cannot be made."""


class ParameterError(SizerError, ValueError):
    """Parameters that make no sense, alone or together."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message, exit_code)


class ConfigError(SizerError):
    """A configuration of the reference that cannot be used."""


class Cancelled(SizerError):
    """Work that the caller stopped; what had been measured is kept."""
