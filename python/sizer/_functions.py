"""Functions of the package, over the native module."""

import os
from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence, Union

from . import _native
from ._guard import enable
from ._source import SpecLike, source
from .errors import ParameterError
from .events import Listener, listener
from .grids import WhatIf
from .plans import PlannedStage, StageState, Status
from .results import MatrixResult, Result

File = Optional[Union[str, "os.PathLike[str]"]]
"""Path of the file that a spec in memory is taken to be in."""

Force = Union[bool, Sequence[str]]
"""True to make all stages again, or the names of those that are."""


class _Options(NamedTuple):
    verb: str
    single: bool
    until_result: bool
    force: Optional[list[str]]
    offline: bool
    keep_going: bool
    jobs: int
    wait: bool


def run(
    spec: SpecLike,
    *,
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
    force: Force = False,
    offline: bool = False,
    keep_going: bool = False,
    wait: bool = False,
    progress: Optional[Listener] = None,
    cancel: Any = None,
) -> Result:
    """Measures what is missing, answers, and writes the reports of the spec.

    :param spec: a path, the text of a spec (it has a line break, or begins with a brace), or a dict
    :param file: the file that a spec in memory is taken to be in, ``sizer.yml`` by default: its relative paths, the
        store ``.sizer`` and the lock file ``sizer.lock`` are found from there. The file need not exist.
    :param profile: one of the spec's profiles
    :param set: changes by dotted key: ``{"targets.users": 500}``
    :param force: stages to make again, by names, kinds or globs (``["sweep@8"]``), or True for all
    :param offline: ask no server, and answer from what is there
    :param keep_going: after a stage has failed, run what does not depend on it
    :param wait: wait for another process that works in the same folder, instead of failing
    :param progress: called with each :class:`Progress`, in this thread; an exception stops the run and is raised
    :param cancel: something with ``is_set()``, such as a ``threading.Event``, that stops the run once it is set
    :raises SizerError: by kind; ``Cancelled`` after a stop. Ctrl-C in the main thread is ``KeyboardInterrupt``.
    """
    options = _Options("run", True, False, _forced(force), offline, keep_going, 1, wait)
    return _only(_run(spec, file, profile, set, options, progress, cancel))


def estimate(
    spec: SpecLike,
    *,
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
    wait: bool = False,
    progress: Optional[Listener] = None,
    cancel: Any = None,
) -> Result:
    """Answers from the levels that are there. Asks no server and writes no report. The parameters are those of
    :func:`run`."""
    options = _Options("estimate", True, True, None, True, False, 1, wait)
    return _only(_run(spec, file, profile, set, options, progress, cancel))


def run_matrix(
    spec: SpecLike,
    *,
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
    force: Force = False,
    offline: bool = False,
    keep_going: bool = False,
    jobs: int = 1,
    wait: bool = False,
    progress: Optional[Listener] = None,
    cancel: Any = None,
) -> MatrixResult:
    """Runs all branches of a spec with a ``matrix``. The parameters are those of :func:`run`; ``jobs`` is the number
    of test rigs that may be measured at the same time."""
    if not isinstance(jobs, int) or jobs < 1:
        raise ParameterError("jobs: at least 1 rig is measured at a time")
    options = _Options("run", False, False, _forced(force), offline, keep_going, jobs, wait)
    return _run(spec, file, profile, set, options, progress, cancel)


def plan(
    spec: SpecLike,
    *,
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
    force: Force = False,
) -> list[PlannedStage]:
    """Tells which stages :func:`run` would run, and why. Changes nothing and asks no server."""
    stages = _native.plan(source(spec, file, profile, set), _forced(force))
    return [PlannedStage(*stage) for stage in stages]


def status(
    spec: SpecLike,
    *,
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
) -> Status:
    """Compares spec, lock file and store."""
    lock, stages = _native.status(source(spec, file, profile, set))
    return Status(lock, tuple(StageState(*stage) for stage in stages))


def what_if(
    spec: SpecLike,
    *,
    users: Iterable[int] = (),
    request_rate: Iterable[float] = (),
    file: File = None,
    profile: Optional[str] = None,
    set: Optional[Mapping[str, Any]] = None,
    wait: bool = False,
    progress: Optional[Listener] = None,
    cancel: Any = None,
    **limits: Iterable[Union[float, str]],
) -> WhatIf:
    """Answers every combination of loads and limits from the levels that are there. Asks no server.

    A limit is named by its metric: ``workflow_runtime=["5s", 10]``, ``llm_latency``, ``ttft``, ``itl`` in seconds or as
    a duration, ``tokens_per_second`` as a number. Without any value, the sets of targets of the spec are answered.
    """
    enable()
    return WhatIf.of(
        _native.what_if(
            source(spec, file, profile, set),
            list(users),
            list(request_rate),
            {name: list(values) for name, values in limits.items()},
            wait,
            listener(progress),
            cancel,
        )
    )


def _forced(force: Force) -> Optional[list[str]]:
    if isinstance(force, str):
        raise ParameterError(f"force: the names of stages are a list: [{force!r}]")
    if isinstance(force, bool):
        return [] if force else None
    return list(force)


def _run(
    spec: SpecLike,
    file: File,
    profile: Optional[str],
    changes: Optional[Mapping[str, Any]],
    options: _Options,
    progress: Optional[Listener],
    cancel: Any,
) -> MatrixResult:
    enable()
    spec_source = source(spec, file, profile, changes)
    return MatrixResult.of(_native.run(spec_source, options, listener(progress), cancel))


def _only(found: MatrixResult) -> Result:
    (result,) = found.branches.values()
    return result
