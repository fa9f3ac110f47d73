"""Results of the branches of a matrix."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Optional

from ..errors import SizerError
from .result import Result


@dataclass(frozen=True)
class MatrixResult:
    """Results of all branches of a spec."""

    branches: dict[Optional[str], Result]
    """Results by branch, in the order of the matrix; the key is None for a spec without one."""

    comparison: Optional[dict[str, Any]]
    """Branches side by side, with the structure of ``comparison.json``; None if a branch has no result."""

    missing: dict[str, str]
    """Branches of which nothing is there, offline, with the reason."""

    reports: tuple[Path, ...]
    """All reports, as they lie on disk."""

    @classmethod
    def of(cls, found: tuple[Any, ...]) -> "MatrixResult":
        """Makes it of what the native module found."""
        branches, comparison, missing, reports = found
        results = {}
        for label, text, stages, written in branches:
            if text is None:
                raise SizerError("sizer has a defect: a run of all stages has no result")
            results[label] = Result._of(text, stages, written)
        compared = None if comparison is None else json.loads(comparison)
        return cls(results, compared, dict(missing), tuple(reports))

    def _repr_html_(self) -> str:
        pages = []
        for label, result in self.branches.items():
            title = "" if label is None else f"<h3>{escape(label)}</h3>"
            pages.append(title + result._repr_html_())
        return "".join(pages)
