"""Grids of loads and limits, answered."""

import json
from dataclasses import dataclass
from typing import Optional

from ._html import number, table
from ._records import load
from .results.answers import GpuCount


@dataclass(frozen=True)
class CaseLimit:
    """Limit of a case."""

    target: str
    """Metric that is limited."""

    quantile: str
    """Quantile that is limited: of a rate, the least that it has to reach."""

    seconds: Optional[float]
    """The longest acceptable time, in seconds; None for a rate."""

    at_least: Optional[float]
    """The lowest acceptable rate, in the unit of the metric; None for a time."""


@dataclass(frozen=True)
class WhatIfCase:
    """One combination of a load and limits."""

    branch: Optional[str]
    """The branch of the matrix; None without one."""

    name: Optional[str]
    """Name of the set of targets; None for a combination."""

    users: Optional[int]
    """Users to serve."""

    think_time: Optional[float]
    """Think time between two runs of a user, in seconds."""

    request_rate: Optional[float]
    """Runs to serve per second."""

    limits: tuple[CaseLimit, ...]
    """Limits of the case."""

    gpus: Optional[GpuCount]
    """GPUs needed for the deciding target; None if there is no answer."""

    grade: Optional[str]
    """Grade of the answer: how far it can be relied on."""

    decided_by: Optional[str]
    """The target that decides."""

    decided_by_quantile: Optional[str]
    """Quantile that it limits; None if there is no answer."""

    cost_per_hour: Optional[float]
    """Cost of the recommended GPUs per hour; None without a price."""

    cheapest: bool
    """True if no branch answers the same case for less, by cost if all have one, otherwise by GPUs."""

    unreachable: bool
    """True if the measurements show that no number of GPUs meets a limit."""

    reason: Optional[str]
    """Reason why there is no answer."""


@dataclass(frozen=True)
class WhatIf:
    """All combinations, for all branches."""

    schema_version: int
    """Version of the document's form: 1."""

    cases: tuple[WhatIfCase, ...]
    """Answers, one per combination and branch."""

    missing: tuple[str, ...]
    """Branches without any measured level."""

    @classmethod
    def of(cls, text: str) -> "WhatIf":
        """Makes it of a JSON text."""
        return load(cls, json.loads(text))

    def _repr_html_(self) -> str:
        heads = ["Branch", "Users", "Runs per second", "Limits", "GPUs", "Grade", "Reason"]
        rows = [
            [
                case.branch or case.name or "",
                "" if case.users is None else str(case.users),
                number(case.request_rate),
                ", ".join(f"{it.quantile} {it.target} {number(it.seconds or it.at_least)}" for it in case.limits),
                "" if case.gpus is None else number(case.gpus.recommended),
                case.grade or "",
                case.reason or "",
            ]
            for case in self.cases
        ]
        return table(heads, rows)
