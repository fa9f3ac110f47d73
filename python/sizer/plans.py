"""Plans of a spec's stages, and their states."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a plan."""

    branch: Optional[str]
    """Branch of the matrix; None without one."""

    stage: str
    """Name of the stage, such as ``sweep@8``."""

    status: str
    """``cached``, ``run`` or ``blocked``."""

    reason: Optional[str]
    """Reason why it would run, or cannot; None if its artifact is there."""


@dataclass(frozen=True)
class StageState:
    """A stage, held against the lock file and the store."""

    branch: Optional[str]
    """Branch of the matrix; None without one."""

    stage: str
    """Name of the stage, such as ``sweep@8``."""

    state: str
    """State in words: ``current``, or what is not."""

    is_current: bool
    """True if the artifact is there and is the one that is locked."""


@dataclass(frozen=True)
class Status:
    """Comparison of spec, lock file and store."""

    lock: Optional[str]
    """Defect of the lock file; None if it has none."""

    stages: tuple[StageState, ...]
    """Stages in the order in which they run."""
