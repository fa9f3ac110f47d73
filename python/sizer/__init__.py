"""Sizer: how many GPUs does an LLM workflow need to serve N concurrent users within a response-time target?

``run(spec)`` measures what is missing and answers; ``estimate(spec)`` answers from what has been measured. Both take
a path, the text of a spec, or a dict, and return a :class:`Result`. Everything here is loaded when it is first used.
"""

# Not from `typing`, whose import would take longer than all of this.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from ._functions import estimate as estimate
    from ._functions import plan as plan
    from ._functions import run as run
    from ._functions import run_matrix as run_matrix
    from ._functions import status as status
    from ._functions import what_if as what_if
    from ._native import VERSION as __version__
    from .errors import Cancelled as Cancelled
    from .errors import ConfigError as ConfigError
    from .errors import DatasetError as DatasetError
    from .errors import LoadError as LoadError
    from .errors import MissingError as MissingError
    from .errors import ParameterError as ParameterError
    from .errors import RecordingError as RecordingError
    from .errors import ReportError as ReportError
    from .errors import SizerError as SizerError
    from .errors import SpecError as SpecError
    from .errors import StageError as StageError
    from .errors import StoreError as StoreError
    from .errors import UnreachableError as UnreachableError
    from .events import Progress as Progress
    from .grids import WhatIf as WhatIf
    from .grids import WhatIfCase as WhatIfCase
    from .plans import PlannedStage as PlannedStage
    from .plans import StageState as StageState
    from .plans import Status as Status
    from .results import Level as Level
    from .results import Levels as Levels
    from .results import MatrixResult as MatrixResult
    from .results import Result as Result

_MODULES = {
    "_functions": ["estimate", "plan", "run", "run_matrix", "status", "what_if"],
    "errors": [
        "Cancelled",
        "ConfigError",
        "DatasetError",
        "LoadError",
        "MissingError",
        "ParameterError",
        "RecordingError",
        "ReportError",
        "SizerError",
        "SpecError",
        "StageError",
        "StoreError",
        "UnreachableError",
    ],
    "events": ["Progress"],
    "grids": ["WhatIf", "WhatIfCase"],
    "plans": ["PlannedStage", "StageState", "Status"],
    "results": ["Level", "Levels", "MatrixResult", "Result"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        value = import_module("._native", __name__).VERSION
    elif name in _HOMES:
        value = getattr(import_module("." + _HOMES[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
