"""Results as HTML for notebooks: plain tables, with everything escaped and nothing from elsewhere."""

from html import escape
from typing import TYPE_CHECKING, Iterable, Optional

if TYPE_CHECKING:
    from .results.answers import Estimate, Recommendation
    from .results.levels import Level, Summary
    from .results.result import Result


def result_page(result: "Result") -> str:
    """The answer, the estimates with their doubts, the levels and the notes."""
    parts = [f"<h4>{escape(result.spec.name)}</h4>", _answer(result.gpus, result.estimates)]
    for other in result.alternatives:
        parts += [f"<h5>{escape(other.name)}</h5>", _answer(other.gpus, other.estimates)]
    parts.append(levels_table(result.levels))
    if result.notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in result.notes) + "</ul>")
    return "<div>" + "".join(parts) + "</div>"


def levels_table(levels: Iterable["Level"]) -> str:
    """One row per level; ``!W`` and the other marks are those of the reports."""
    rows = [
        [
            _alerts(level),
            str(level.concurrency),
            str(level.runs),
            str(level.failed),
            _p95(level.llm_latency),
            _p95(level.workflow_runtime),
            number(level.throughput),
            number(level.rough_gpus.llm_latency),
            number(level.rough_gpus.workflow_runtime),
        ]
        for level in levels
    ]
    return table(
        [
            "Alerts",
            "Concurrency",
            "Runs",
            "Failed",
            "p95 LLM latency (s)",
            "p95 workflow runtime (s)",
            "Runs per second",
            "GPUs (LLM latency, rough)",
            "GPUs (workflow runtime, rough)",
        ],
        rows,
    )


def _answer(gpus: "Recommendation", estimates: Iterable["Estimate"]) -> str:
    said = "No number of GPUs is recommended"
    if gpus.recommended is not None:
        said = f"<b>{count(gpus.recommended)}</b>"
    if gpus.grade is not None:
        said += f" ({escape(gpus.grade)})"
    rows = [
        [
            f"{it.quantile} {it.target}",
            number(it.limit),
            "" if it.users is None else str(it.users),
            number(it.request_rate),
            "" if it.gpus is None else number(it.gpus.point),
            "" if it.gpus is None else _between(it.gpus.low, it.gpus.high),
            "" if it.capacity is None else number(it.capacity.point),
            it.grade or "",
            it.reason or " ".join(it.doubts),
        ]
        for it in estimates
    ]
    if not rows:
        return ""
    heads = ["Target", "Limit", "Users", "Runs per second", "GPUs", "Interval", "Capacity"]
    return f"<p>{said}</p>" + table([*heads, "Grade", "Remarks"], rows)


def _alerts(level: "Level") -> str:
    tolerated = level.failed > 0 and not level.interrupted
    marks = [(level.interrupted, "W"), (tolerated, "F"), (level.client_limited, "C")]
    letters = "".join(letter for holds, letter in marks if holds)
    return f"!{letters}" if letters else ""


def _p95(summary: "Optional[Summary]") -> str:
    return "" if summary is None else number(summary.p95)


def _between(low: Optional[float], high: Optional[float]) -> str:
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def count(gpus: int) -> str:
    """A number of GPUs in words."""
    return "1 GPU" if gpus == 1 else f"{gpus} GPUs"


def number(value: Optional[float]) -> str:
    """A figure with its first significant digits."""
    return "" if value is None else f"{value:.4g}" if abs(value) < 10000 else f"{value:.0f}"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table; every cell is text."""
    head = "".join(f"<th>{escape(it)}</th>" for it in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(it)}</td>" for it in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
