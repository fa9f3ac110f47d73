"""Parameters and output of the calculator, with the names that the toolkit has for them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Union

from .._records import load
from ..errors import ParameterError
from ._parameters import alias, flag, integers, number, path, text, whole


@dataclass(frozen=True)
class FitConfig:
    """Parameters of the straight line. They are those of the toolkit, and no others are supported."""

    small_concurrency_range_threshold: int = 8
    """Number of levels up to which extreme values are looked for first."""

    extreme_outlier_threshold: float = 2.0
    """Multiple of the interquartile range from which a value is extreme."""

    conservative_outlier_threshold: float = 1.5
    """Multiple of the interquartile range from which a residual is an outlier."""

    min_r_squared: float = 0.7
    """Smallest share of the variance that a line has to explain."""

    remove_outliers: bool = True
    """True if outliers are left out."""


class CalcRunnerConfig:
    """Parameters of the calculator. 0 means "not given" for targets and for the test rig.

    ``target_workflow_runtime`` and ``target_llm_latency`` are the same as the names that end in ``_p95``: seconds that
    the p95 may take at most.
    """

    def __init__(
        self,
        *,
        config_file: "Optional[Union[str, Path]]" = None,
        endpoint: Optional[str] = None,
        endpoint_timeout: int = 300,
        offline_mode: bool = False,
        num_passes: int = 0,
        concurrencies: "Optional[list[int]]" = None,
        target_llm_latency_p95: Optional[float] = None,
        target_workflow_runtime_p95: Optional[float] = None,
        target_users: int = 0,
        test_gpu_count: int = 0,
        output_dir: "Optional[Union[str, Path]]" = None,
        append_job: bool = False,
        plot_data: bool = True,
        fit_config: Union[FitConfig, Mapping[str, Any], None] = None,
        target_llm_latency: Optional[float] = None,
        target_workflow_runtime: Optional[float] = None,
    ) -> None:
        self.config_file = path("config_file", config_file)
        self.endpoint = text("endpoint", endpoint)
        self.endpoint_timeout = whole("endpoint_timeout", endpoint_timeout)
        self.offline_mode = flag("offline_mode", offline_mode)
        self.num_passes = whole("num_passes", num_passes)
        levels = [1, 2, 4, 8] if concurrencies is None else concurrencies
        self.concurrencies = integers("concurrencies", levels)
        latency = alias("target_llm_latency", target_llm_latency, target_llm_latency_p95)
        self.target_llm_latency_p95 = number("target_llm_latency", latency)
        runtime = alias("target_workflow_runtime", target_workflow_runtime, target_workflow_runtime_p95)
        self.target_workflow_runtime_p95 = number("target_workflow_runtime", runtime)
        self.target_users = whole("target_users", target_users)
        self.test_gpu_count = whole("test_gpu_count", test_gpu_count)
        self.output_dir = path("output_dir", output_dir)
        self.append_job = flag("append_job", append_job)
        self.plot_data = flag("plot_data", plot_data)
        given = fit_config if isinstance(fit_config, FitConfig) else FitConfig(**(fit_config or {}))
        if given != FitConfig():
            raise ParameterError(
                "fit_config: sizer has the toolkit's thresholds and no others; a spec has `estimate.min_r_squared` and "
                "`estimate.remove_outliers`"
            )
        self.fit_config = given

    @property
    def target_llm_latency(self) -> float:
        """The same as ``target_llm_latency_p95``."""
        return self.target_llm_latency_p95

    @target_llm_latency.setter
    def target_llm_latency(self, seconds: float) -> None:
        self.target_llm_latency_p95 = number("target_llm_latency", seconds)

    @property
    def target_workflow_runtime(self) -> float:
        """The same as ``target_workflow_runtime_p95``."""
        return self.target_workflow_runtime_p95

    @target_workflow_runtime.setter
    def target_workflow_runtime(self, seconds: float) -> None:
        self.target_workflow_runtime_p95 = number("target_workflow_runtime", seconds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CalcRunnerConfig) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"CalcRunnerConfig({values})"

    def model_dump(self) -> dict[str, Any]:
        """The parameters as a dict."""
        return {**vars(self), "fit_config": asdict(self.fit_config)}


@dataclass(frozen=True)
class SizingMetricPerItem:
    """Times of one item, in seconds."""

    llm_latency: float
    """p95 of its LLM calls; 0 if it made none."""

    workflow_runtime: float
    """Runtime."""


@dataclass(frozen=True)
class SizingMetricsAlerts:
    """Alerts that make a concurrency unusable."""

    workflow_interrupted: bool = False
    """True if runs failed."""


@dataclass(frozen=True)
class SizingMetrics:
    """Figures of one concurrency. Times are in seconds."""

    alerts: SizingMetricsAlerts = field(default_factory=SizingMetricsAlerts)
    """Alerts that make it unusable."""

    llm_latency_p95: float = 0.0
    """p95 of all LLM calls; 0 if there were none."""

    workflow_runtime_p95: float = 0.0
    """p95 of all runs; 0 if none succeeded."""

    total_runtime: float = 0.0
    """Time from the first start to the last end."""

    per_item_metrics: dict[str, SizingMetricPerItem] = field(default_factory=dict)
    """Times of each item, by its id."""


@dataclass(frozen=True)
class LinearFitResult:
    """A straight line through the p95s."""

    slope: float
    """Seconds added by each further concurrent run."""

    intercept: float
    """Seconds at no load, by extrapolation."""

    r_squared: float
    """Share of the variance that the line explains."""

    outliers_removed: tuple[int, ...]
    """Concurrencies that were left out."""


@dataclass(frozen=True)
class FitResults:
    """Lines of both p95s."""

    llm_latency_fit: Optional[LinearFitResult] = None
    """Line of the LLM latency; None if there is none."""

    wf_runtime_fit: Optional[LinearFitResult] = None
    """Line of the workflow runtime; None if there is none."""


@dataclass(frozen=True)
class GPUEstimates:
    """GPU estimates for either target."""

    gpu_estimate_by_wf_runtime: Optional[float] = None
    """Estimate for the workflow runtime; None if there is none."""

    gpu_estimate_by_llm_latency: Optional[float] = None
    """Estimate for the LLM latency; None if there is none."""


@dataclass(frozen=True)
class CalcAlerts:
    """Alerts on a concurrency from the targets and the lines."""

    outlier_workflow_runtime: bool = False
    """True if it is an outlier of the line of the workflow runtime."""

    outlier_llm_latency: bool = False
    """True if it is an outlier of the line of the LLM latency."""

    num_items_greater_than_target_latency: int = 0
    """Items over the target for the LLM latency."""

    num_items_greater_than_target_runtime: int = 0
    """Items over the target for the workflow runtime."""


@dataclass(frozen=True)
class OutOfRangeRuns:
    """Runs of one concurrency that count against it, as the toolkit's first releases put it."""

    num_items_greater_than_target_latency: int
    """Items over the target for the LLM latency."""

    num_items_greater_than_target_runtime: int
    """Items over the target for the workflow runtime."""

    workflow_interrupted: bool
    """True if runs failed."""


@dataclass(frozen=True)
class CalcData:
    """Figures of one concurrency, with what they give by themselves."""

    gpu_estimates: GPUEstimates = field(default_factory=GPUEstimates)
    """Rough estimates from this concurrency alone."""

    alerts: CalcAlerts = field(default_factory=CalcAlerts)
    """Alerts from the targets and the lines."""

    sizing_metrics: SizingMetrics = field(default_factory=SizingMetrics)
    """Measured figures."""

    @property
    def out_of_range_runs(self) -> OutOfRangeRuns:
        """The alerts as the toolkit's first releases had them."""
        return OutOfRangeRuns(
            self.alerts.num_items_greater_than_target_latency,
            self.alerts.num_items_greater_than_target_runtime,
            self.sizing_metrics.alerts.workflow_interrupted,
        )


@dataclass(frozen=True)
class CalcRunnerOutput:
    """Output of the calculator: the content of ``calc_runner_output.json``."""

    gpu_estimates: GPUEstimates = field(default_factory=GPUEstimates)
    """Estimates from the lines."""

    fit_results: FitResults = field(default_factory=FitResults)
    """Lines behind the estimates."""

    calc_data: dict[int, CalcData] = field(default_factory=dict)
    """Data by concurrency."""

    @property
    def per_concurrency_data(self) -> dict[int, CalcData]:
        """The same as ``calc_data``, by the name that the toolkit's first releases had for it."""
        return self.calc_data

    @classmethod
    def model_validate_json(cls, text: Union[str, bytes]) -> "CalcRunnerOutput":
        """Reads the text of ``calc_runner_output.json``."""
        return load(cls, json.loads(text))

    def model_dump(self) -> dict[str, Any]:
        """The content as dicts."""
        return asdict(self)

    def model_dump_json(self, *, indent: Optional[int] = None) -> str:
        """The content as JSON."""
        return json.dumps(self.model_dump(), indent=indent)
