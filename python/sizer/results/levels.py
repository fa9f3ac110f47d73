"""Levels of a result: what was measured at each concurrency. Times are in seconds."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class SearchGoal:
    """Search of the adaptive sweep that measured a level."""

    targets: str
    """Limits whose crossing was searched for."""

    budget: str
    """Budget of the search; empty if unlimited."""

    window: str
    """Runs that the spec wanted of each level; empty if the plan chose."""


@dataclass(frozen=True)
class PreviousFigures:
    """Figures of a level's previous measurement. Times in seconds, of the runs of the window that
    succeeded."""

    runs: int
    """Number of runs."""

    mean: float
    """Their mean runtime."""

    p95: float
    """Their 95th percentile."""

    sd: float
    """Their standard deviation."""


@dataclass(frozen=True)
class ClientHealth:
    """Health of the client while it loaded a level."""

    cpu_share: float
    """Share of this machine's cores that the process used, 0 to 1."""

    lag_p95: float
    """p95 of the delay with which a timer of the client fired, in seconds."""

    lag_max: float
    """Longest such delay, in seconds."""


@dataclass(frozen=True)
class HostHealth:
    """Load of the processes that ran the workflow on this machine, while they served a level."""

    processes: int
    """Number of processes."""

    cpu_share: float
    """Share of a core that the busiest of them used; above 1 if several of its threads did."""

    wait_share: float
    """Share of the time for which that one had something to do, and no core to do it."""


@dataclass(frozen=True)
class FailureCount:
    """Number of failures of one kind at a level."""

    kind: str
    """The kind."""

    count: int
    """Runs that failed in this way."""

    share: float
    """Their share of all runs, 0 to 1."""

    first_message: str
    """Message of the one that ended first."""


@dataclass(frozen=True)
class CountPerMetric:
    """A value per metric; None where it does not apply, left out where the metric is a rate."""

    itl: Optional[int]
    """For the inter-token latency."""

    llm_latency: Optional[int]
    """For the LLM latency."""

    tokens_per_second: Optional[int]
    """For the output speed."""

    ttft: Optional[int]
    """For the time to first token."""

    workflow_runtime: Optional[int]
    """For the workflow runtime."""


@dataclass(frozen=True)
class GpusPerMetric:
    """A value per metric; None where it does not apply, left out where the metric is a rate."""

    itl: Optional[float]
    """For the inter-token latency."""

    llm_latency: Optional[float]
    """For the LLM latency."""

    tokens_per_second: Optional[float]
    """For the output speed."""

    ttft: Optional[float]
    """For the time to first token."""

    workflow_runtime: Optional[float]
    """For the workflow runtime."""


@dataclass(frozen=True)
class ScrapedMetric:
    """One scraped metric over the measured window."""

    mean: float
    """Arithmetic mean of the samples."""

    max: float
    """The largest sample."""

    samples: int
    """Number of samples."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a quantile; an end is None where there are too few values to bound it."""

    low: Optional[float]
    """Lower bound of the quantile."""

    high: Optional[float]
    """Upper bound of the quantile."""


@dataclass(frozen=True)
class Intervals:
    """Confidence interval of each quantile."""

    p50: Interval
    """Interval of the median."""

    p90: Interval
    """Interval of the 90th percentile."""

    p95: Interval
    """Interval of the 95th percentile."""

    p99: Interval
    """Interval of the 99th percentile."""


@dataclass(frozen=True)
class Summary:
    """Mean and quantiles of a set of values: times in seconds, or tokens."""

    count: int
    """Number of values."""

    mean: float
    """Arithmetic mean."""

    p50: float
    """Median."""

    p90: float
    """90th percentile."""

    p95: float
    """95th percentile."""

    p99: float
    """99th percentile."""

    intervals: Intervals
    """Confidence intervals of the quantiles, at 90 %."""


@dataclass(frozen=True)
class RuntimeShare:
    """Share of the runtime, 0 to 1, over runs; 0 for a run without such a step."""

    mean: float
    """The mean."""

    p50: float
    """The median."""

    p95: float
    """95th percentile."""


@dataclass(frozen=True)
class Step:
    """A step of a workflow within a run: a call of an LLM or of a tool, a function, or a group of such steps. Times are
    seconds since the run began, by the clock of the server, whose first step falls on that beginning."""

    kind: str
    """Its kind: ``llm``, ``tool``, ``retriever``, ``function``, ``workflow``, ``task`` or ``other``."""

    name: str
    """Its name, as the workflow reports it."""

    start: float
    """Start of the step."""

    end: float
    """End of the step."""

    parent: Optional[int]
    """Position, among the steps of the run, of the step that it is part of."""


@dataclass(frozen=True)
class StepExample:
    """A run with its steps, as an example of its level."""

    run: int
    """Position of the run in the recording of the level, from 0."""

    runtime: float
    """Its runtime in seconds."""

    steps: tuple[Step, ...]
    """Its steps in the order in which they began; of more than sixty, the longest."""

    left_out: int
    """Number of steps that are not among them."""


@dataclass(frozen=True)
class StepFigures:
    """Figures of the steps of one name. Their own time leaves out the steps within them, and counts steps that were
    under way at the same time once."""

    kind: str
    """Kind of the steps."""

    name: str
    """Name of the steps."""

    per_run: float
    """Mean number of such steps in a run."""

    share: RuntimeShare
    """Share of the runtime that is their own time."""

    time: float
    """Mean of their own time in a run, in seconds."""

    whole_share: float
    """Mean share of the runtime with the steps within them."""

    whole_time: float
    """Mean time in a run with the steps within them, in seconds."""


@dataclass(frozen=True)
class StepMetrics:
    """Figures of the steps of a level, over the runs that count and that reported any."""

    runs: int
    """Number of those runs."""

    steps: tuple[StepFigures, ...]
    """The steps by name, those that take most of the runtime first."""

    outside: RuntimeShare
    """Share of the runtime in which no step was under way: before the first one, after the last, and between."""

    typical: StepExample
    """A run whose runtime is nearest the median."""

    slow: StepExample
    """A run whose runtime is nearest the 95th percentile."""


@dataclass(frozen=True)
class Level:
    """One level, with its metrics and how it compares with the targets."""

    concurrency: int
    """Runs in flight, or users if they pause between runs."""

    runs: int
    """Runs that were started, warm-up and cool-down included."""

    measured: int
    """Runs of the measured window."""

    failed: int
    """Failed runs, in any phase."""

    interrupted: bool
    """True if too many runs failed; the level is then left out of every fit."""

    server_gone: Optional[str]
    """Description of the server's failure, if it stopped answering before the level was over."""

    client_limited: bool
    """True if the client was too busy for its times to be the server's."""

    reconnected: int
    """Runs whose request met a kept connection that the server had closed, and was sent again."""

    retries: int
    """Requests that failed and were retried, as the spec allows."""

    failed_calls: int
    """LLM calls that failed within runs, whatever the outcome of those runs; no other figure counts them."""

    failures: tuple[FailureCount, ...]
    """Failures by kind, with their counts."""

    http_statuses: dict[int, int]
    """HTTP statuses of all answers, with their counts."""

    finish_reasons: dict[str, int]
    """Finish reasons of the calls, with their counts."""

    notes: dict[str, int]
    """Notes on the server's answers, with the number of runs in which each was made."""

    workflow_runtime: Optional[Summary]
    """End-to-end times of the runs that succeeded; None if none did."""

    llm_calls: Optional[Summary]
    """LLM calls of each run that succeeded; None if none was seen."""

    llm_latency: Optional[Summary]
    """Times of all LLM calls of the runs that succeeded; None if none was seen."""

    ttft: Optional[Summary]
    """Time to first token of those calls; None if nothing was streamed."""

    answer_ttft: Optional[Summary]
    """Time to the first token of the answer itself, reasoning excluded; None if nothing was streamed."""

    itl: Optional[Summary]
    """Mean times between tokens of those calls; None if nothing was streamed."""

    itl_p95: Optional[Summary]
    """Each call's 95th percentile of the times between tokens."""

    itl_max: Optional[Summary]
    """Each call's longest time between tokens."""

    chunk_gap: Optional[Summary]
    """Mean times between the chunks of calls whose chunks carry several tokens each; None if there are none,
    as the time between chunks is then that between tokens."""

    chunk_gap_max: Optional[Summary]
    """The longest time between chunks of each such call."""

    tokens_per_chunk: Optional[Summary]
    """Mean number of tokens in a chunk of each such call."""

    prompt_tokens: Optional[Summary]
    """Prompt tokens of each call; None if the server does not count them."""

    cached_tokens: Optional[Summary]
    """Prompt tokens of each call that the server took from its cache; None if it reports none."""

    cached_share: Optional[float]
    """Share of the prompt tokens that were in the cache, 0 to 1; None if the server reports none."""

    shared_prefix: Optional[Summary]
    """Share of each prompt, 0 to 1, that an earlier prompt of its run began with as well, first calls left out: what a
    cache of prefixes can save; None if no prompts are seen."""

    completion_tokens: Optional[Summary]
    """Generated tokens of each call; None if the server does not count them."""

    call_tokens_per_second: Optional[Summary]
    """Generated tokens per second of each call."""

    server_runtime: Optional[Summary]
    """Runtime as the server itself reports it; None if it does not."""

    total_runtime: float
    """Time from the start of the first measured run to the end of the last. A window with pauses between runs
    begins with the end of the run before it."""

    elapsed: float
    """Time from the start of the level to the end of its last run, warm-up and cool-down included."""

    throughput: float
    """Successful runs per second."""

    tokens_per_second: Optional[float]
    """Generated tokens per second over the level; None if the server does not count them."""

    mean_in_flight: float
    """Mean number of runs in flight over the window."""

    in_flight: tuple[float, ...]
    """Mean number of runs in flight over each of twenty equal parts of the window."""

    llm_in_flight: Optional[float]
    """Mean number of LLM calls in flight over the window; None if none was seen. Calls of failed runs are not
    known."""

    steps: Optional[StepMetrics]
    """Steps of the workflow, with their shares of the runtime; None if it reports none."""

    client: Optional[ClientHealth]
    """Health of the client; None if the runs were recorded elsewhere."""

    host: Optional[HostHealth]
    """Load of the processes that ran the workflow on this machine; None if none did."""

    scraped: dict[str, ScrapedMetric]
    """The server's own metrics during the window, by name."""

    scrape_error: Optional[str]
    """Reason why some of them are missing; None if none are."""

    before: Optional[PreviousFigures]
    """Figures of the level's previous measurement, if it was measured again."""

    runtime_sd: Optional[float]
    """Standard deviation of the runtimes, if there is a previous measurement to compare with."""

    asked: Optional[SearchGoal]
    """Search of the adaptive sweep that measured the level."""

    over_target: CountPerMetric
    """Number of runs over the limit of each metric; None without a limit."""

    goodput: Optional[float]
    """Runs per second that met every target; None without one."""

    rough_gpus: GpusPerMetric
    """GPUs if time were proportional to concurrency."""
