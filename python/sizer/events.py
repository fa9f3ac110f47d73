"""Progress of a run."""

from dataclasses import dataclass
from typing import Any, Callable, Optional


@dataclass(frozen=True)
class Progress:
    """Something that happened during a run."""

    kind: str
    """``stage_started``, ``runs`` (a level has begun, or some of its runs have ended), ``stage_done``,
    ``stage_failed`` or ``notice``."""

    branch: Optional[str] = None
    """Branch of the matrix; None without one."""

    stage: Optional[str] = None
    """Name of the stage, such as ``sweep@8``."""

    level: Optional[str] = None
    """Name of the level, such as ``8``."""

    planned: Optional[int] = None
    """Runs that are planned for the level."""

    done: Optional[int] = None
    """Runs of the level that have ended, failed ones included: more than planned, as the load is kept up until the last
    of these has ended."""

    failed: Optional[int] = None
    """Runs of the level that failed."""

    text: Optional[str] = None
    """Notice, error, or the reason why a stage ran; None if its artifact was there."""


Listener = Callable[[Progress], Any]


def listener(progress: Optional[Listener]) -> Callable[..., Any]:
    """Makes the function that the native module calls with each event."""
    if progress is None:
        return _log_notice
    return lambda *event: progress(Progress(*event))


def _log_notice(*event: Any) -> None:
    """Logs a notice, so that it is seen without a listener too."""
    import logging

    said = Progress(*event)
    if said.kind in ("notice", "stage_failed"):
        where = "" if said.stage is None else f"{said.stage} failed: "
        branch = "" if said.branch is None else f"[{said.branch}] "
        logging.getLogger("sizer").warning("%s%s%s", branch, where, said.text)
