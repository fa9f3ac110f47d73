"""Answers of a result: estimates, the recommendation and what they rest on."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Capacity:
    """Concurrency that the test rig carries within the target."""

    point: Optional[float]
    """Best single figure; None if `what-if` shows an unsettled answer, of which only the ends are known."""

    low: Optional[float]
    """Lower end of the interval; None if the method gives none, or only one end is known."""

    high: Optional[float]
    """Upper end of the interval; None if the method gives none, or only one end is known."""

    at_least: Optional[float]
    """Load that is known to be carried, if nothing that was measured shows where the capacity ends."""

    at_most: Optional[float]
    """Load that is known not to be exceeded, if nothing shows that any run is fast enough."""


@dataclass(frozen=True)
class CrossCheck:
    """The load in the form that the spec does not use, by Little's law at the limit: users as random
    arrivals, arrivals as concurrent users."""

    request_rate: Optional[float]
    """Runs per second; None if the spec gives these."""

    concurrent: Optional[float]
    """Runs in flight; None if the spec gives users."""

    gpus: float
    """GPUs that it would need."""

    differs: bool
    """True if that lies outside the interval of the estimate, and the estimate outside its interval."""


@dataclass(frozen=True)
class CurvePoint:
    """A point of the fitted curve."""

    concurrency: float
    """Runs in flight."""

    seconds: float
    """Limited quantile there, in seconds; of a rate, that of the time behind it."""


@dataclass(frozen=True)
class Fit:
    """A fitted line: `seconds = intercept + slope × concurrency`."""

    method: str
    """Method that fitted it."""

    slope: float
    """Seconds added by each further run in flight."""

    intercept: float
    """Seconds at no load, by extrapolation."""

    r_squared: float
    """Share of the variance that the line explains (coefficient of determination)."""

    outliers: tuple[int, ...]
    """Concurrencies left out as outliers, in the order of their removal."""


@dataclass(frozen=True)
class Sum:
    """Derivation of the number to buy from the need, in GPUs; each step is at least the one before."""

    needed: float
    """Best single figure before it is rounded."""

    whole_replicas: int
    """The need in whole replicas."""

    with_confidence: Optional[int]
    """Whole replicas that are enough with the requested confidence; None if the method gives no interval. The
    steps after this one are policy, not confidence."""

    with_headroom: int
    """Number with the requested headroom."""

    with_spares: int
    """Number with the requested spare replicas: the recommendation."""


@dataclass(frozen=True)
class GpuCount:
    """GPUs for the target load."""

    point: Optional[float]
    """Best single figure: whole replicas with `monotone`, not rounded with a line; None if `what-if` shows an
    unsettled answer, of which it would be no more than a guess."""

    low: Optional[float]
    """Lower end of the interval; None if the method gives none, or only one end is known."""

    high: Optional[float]
    """Upper end of the interval; None if the method gives none, or only one end is known."""

    at_least: Optional[float]
    """Number that is needed at least, if more may be, or no number is enough."""

    at_most: Optional[float]
    """Number that is enough, if no measurement shows that fewer are not."""

    recommended: Optional[int]
    """Number to buy in whole replicas, with headroom and spares; None if the answer is unsettled."""

    sum: Optional[Sum]
    """Derivation of `recommended`; None if the answer is unsettled."""


@dataclass(frozen=True)
class Proven:
    """Bounds of a capacity that individual levels prove, beyond chance; None if none does."""

    at_least: Optional[float]
    """Highest load that met the target."""

    below: Optional[float]
    """Lowest level that missed the target, or at which the server refused runs."""


@dataclass(frozen=True)
class Estimate:
    """Estimate for one target."""

    target: str
    """Metric that is limited."""

    quantile: str
    """Quantile that is limited: of a time the most that it may be, such as the p95; of a rate the least that
    it has to reach, such as the p05."""

    limit: float
    """Limit in the unit of the metric: seconds, or tokens per second."""

    counts_users: bool
    """True if the levels, and so the capacity, count users, who do not all have a run in flight."""

    method: str
    """Method of the estimate."""

    fit: Optional[Fit]
    """Line behind the figure, of a rate that of the time behind it; None if there is none."""

    curve: Optional[tuple[CurvePoint, ...]]
    """Curve behind the figure; None with a line."""

    confidence: Optional[float]
    """Probability that the truth lies within the intervals; None if there are none."""

    grade: Optional[str]
    """Grade of the answer; None if there is none."""

    doubts: tuple[str, ...]
    """Reasons why the grade is not better, in sentences."""

    add: tuple[int, ...]
    """Levels that would tell more about it."""

    again: tuple[int, ...]
    """Levels to measure again."""

    proven: Proven
    """Bounds of the capacity that individual levels prove."""

    left_out: tuple[int, ...]
    """Levels that were left out of the curve because they contradict the others."""

    extrapolated: bool
    """True if the capacity lies outside the measured concurrencies."""

    capacity: Optional[Capacity]
    """Capacity of the test rig; None if there is no estimate."""

    cross_check: Optional[CrossCheck]
    """The same load in the other form, with its need; None if there is no estimate."""

    gpus: Optional[GpuCount]
    """GPUs that the load needs; None if there is no estimate."""

    reason: Optional[str]
    """Reason why there is no estimate; None if there is one."""

    request_rate: Optional[float]
    """Runs to serve per second; None if the spec does not say."""

    think_time: Optional[float]
    """Time that they take between two runs, in seconds; None if they are concurrent runs."""

    throughput: Optional[float]
    """Runs per second that it serves at that concurrency; None if there is no estimate."""

    unreachable: bool
    """True if the measurements show that no number of GPUs meets this target."""

    users: Optional[int]
    """Users to serve; None if the spec does not say."""


@dataclass(frozen=True)
class Recommendation:
    """Number of GPUs to buy over all targets."""

    recommended: Optional[int]
    """GPUs in whole replicas; None if a target has no estimate, cannot be met, or is unsettled."""

    decided_by: Optional[str]
    """Target that decides: the one with the smallest capacity, or one that is out of reach or unsettled; None
    if there is no estimate."""

    grade: Optional[str]
    """Grade of the recommendation; None if there is no estimate."""

    decided_by_quantile: Optional[str]
    """Quantile that it limits; None if there is no estimate."""

    at_least: Optional[float]
    """GPUs that are needed at least, over all targets; None if unknown."""

    at_most: Optional[float]
    """GPUs that are enough for all targets; None if unknown."""

    unanswered: tuple[str, ...]
    """Targets without the requested estimate."""

    cost_per_hour: Optional[float]
    """Cost per hour of the recommendation; None without a price or a recommendation."""

    next: Optional[str]
    """Command that measures everything that the estimates lack; None if that is nothing, or the levels were
    recorded elsewhere."""


@dataclass(frozen=True)
class Alternative:
    """Answer to a set of targets besides the main one."""

    name: str
    """Name of the set."""

    estimates: tuple[Estimate, ...]
    """Estimate of each target."""

    gpus: Recommendation
    """Recommendation over all targets of the set."""


@dataclass(frozen=True)
class SlowLevel:
    """A level that was slower than its load explains."""

    concurrency: int
    """Runs in flight."""

    mean: float
    """Mean runtime in seconds."""

    expected: float
    """Mean runtime in seconds expected from the other levels."""


@dataclass(frozen=True)
class HeldBack:
    """A level at which runs wait to be admitted."""

    concurrency: int
    """The level."""

    in_flight: float
    """Mean number of runs in flight at the client."""

    admitted: float
    """Mean number of those that the server works on."""

    waiting: float
    """Mean time for which a run waits, in seconds."""


@dataclass(frozen=True)
class AdmissionLimit:
    """Limit on the runs that a server works on at a time."""

    admitted: float
    """Runs that it works on at a time."""

    levels: tuple[HeldBack, ...]
    """Levels at which runs wait to be admitted, ascending."""


@dataclass(frozen=True)
class Diagnosis:
    """Response of the rig to load."""

    admission: Optional[AdmissionLimit]
    """Limit on the runs that the server works on at a time; None if none was seen."""

    knee: Optional[float]
    """Concurrency at which the straight lines of an idle and of a saturated rig meet (Denning and Buzen,
    1978); None if no measured level is saturated."""

    saturation_throughput: Optional[float]
    """Runs per second that a saturated rig serves; None if no measured level is saturated."""

    slow_levels: tuple[SlowLevel, ...]
    """Levels that were slower than their load explains."""


@dataclass(frozen=True)
class FitPerMetric:
    """A value per metric; None where it does not apply, left out where the metric is a rate."""

    itl: Optional[Fit]
    """For the inter-token latency."""

    llm_latency: Optional[Fit]
    """For the LLM latency."""

    tokens_per_second: Optional[Fit]
    """For the output speed."""

    ttft: Optional[Fit]
    """For the time to first token."""

    workflow_runtime: Optional[Fit]
    """For the workflow runtime."""


@dataclass(frozen=True)
class SpecIdentity:
    """Identity of the spec that a result answers."""

    name: str
    """Name of the spec."""

    digest: str
    """Blake3 hash of the spec's canonical form."""
