"""The result of a spec."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, cast

from .._html import count, result_page
from .._records import load
from .answers import (
    Alternative,
    Diagnosis,
    Estimate,
    FitPerMetric,
    Recommendation,
    SpecIdentity,
)
from .levels import Level
from .table import Levels


@dataclass(frozen=True)
class StageRun:
    """A stage of a run."""

    stage: str
    """Its name, such as ``sweep@8``."""

    ran: Optional[str]
    """Reason why it ran; None if its artifact was there."""

    seconds: float
    """Time that it took."""


@dataclass(frozen=True)
class _Document:
    """The attributes that ``result.json`` has, but for its levels."""

    schema_version: int
    """Version of the document's form: 1."""

    spec: SpecIdentity
    """Spec that this result answers."""

    fits: FitPerMetric
    """Straight lines through the p95s. Estimates by ``linear`` and ``robust`` rest on them; with ``monotone`` they
    merely describe the levels."""

    estimates: tuple[Estimate, ...]
    """Estimates, one per target."""

    gpus: Recommendation
    """Recommendation over all targets."""

    alternatives: tuple[Alternative, ...]
    """Answers to the other sets of targets."""

    diagnosis: Diagnosis
    """Response of the rig to load."""

    notes: tuple[str, ...]
    """Notes for the careful reader."""

    sources: dict[str, str]
    """Digests of the artifacts that the figures come from, by stage."""


@dataclass(frozen=True, repr=False)
class Result(_Document):
    """What was measured and concluded, with the names and the structure of ``result.json``."""

    levels: Levels
    """Levels in ascending order of concurrency."""

    reports: tuple[Path, ...] = field(compare=False)
    """Reports, as they lie on disk; empty if none was asked for."""

    stages: tuple[StageRun, ...] = field(compare=False)
    """Stages of the run."""

    _text: str = field(compare=False)

    @classmethod
    def _of(
        cls,
        text: str,
        stages: list[tuple[str, Optional[str], float]],
        reports: list[Path],
    ) -> "Result":
        data = json.loads(text)
        return cls(
            **load(_Document, data).__dict__,
            levels=Levels(load(Level, level) for level in data["levels"]),
            reports=tuple(reports),
            stages=tuple(StageRun(*stage) for stage in stages),
            _text=text,
        )

    def to_json(self) -> str:
        """The text of ``result.json``."""
        return self._text

    def to_dict(self) -> dict[str, Any]:
        """The content of ``result.json``, as a dict of the caller's own."""
        return cast(dict[str, Any], json.loads(self._text))

    def __repr__(self) -> str:
        return f"<sizer.Result {self.spec.name!r}: {len(self.levels)} levels, {self._answer()}>"

    def _answer(self) -> str:
        if self.gpus.recommended is None:
            return "no recommendation"
        return f"{count(self.gpus.recommended)} ({self.gpus.grade or 'no grade'})"

    def _repr_html_(self) -> str:
        return result_page(self)
