"""The calculator."""

import asyncio
import logging
import re
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Optional

from .. import _native
from .._guard import enable
from ..errors import ParameterError
from ..events import listener
from ..results import Result
from .data_models import CalcRunnerConfig, CalcRunnerOutput

_logger = logging.getLogger("sizer")

_FIELDS = {"calc_output_dir": "output_dir", "append_calc_outputs": "append_job"}
"""Parameters whose option of the command line has another name."""


class _Parameters(NamedTuple):
    config_file: Optional[Path]
    output_dir: Optional[Path]
    endpoint: Optional[str]
    endpoint_timeout: int
    offline_mode: bool
    append_job: bool
    concurrencies: Any
    num_passes: int
    target_llm_latency_p95: float
    target_workflow_runtime_p95: float
    target_users: int
    test_gpu_count: int
    plot_data: bool


class CalcRunner:
    """Measures a workflow at several concurrencies, or reads what was measured, and estimates GPUs.

    Parameters that make no sense are a ``ValueError``.
    """

    config: CalcRunnerConfig
    """Its parameters."""

    result: Optional[Result]
    """The result as sizer puts it, with grades, notes and reasons; None before :meth:`run`."""

    def __init__(self, config: CalcRunnerConfig) -> None:
        self.config = config
        self.result = None
        self.validate_config()

    def validate_config(self) -> None:
        """Checks the parameters."""
        try:
            _native.check_calc(self._parameters(self.config.output_dir))
        except ParameterError as error:
            raise _in_fields(error) from None

    async def run(self) -> CalcRunnerOutput:
        """Runs the calculation on a thread of its own. If the task is cancelled, the calculation is stopped first."""
        cancel = threading.Event()
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(None, self._run, cancel)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancel.set()
            await asyncio.wait([work])
            # Its end is that of the task: an error of what was stopped is nobody's.
            work.exception()
            raise

    def _run(self, cancel: threading.Event) -> CalcRunnerOutput:
        self.validate_config()
        if self.config.output_dir is not None:
            return self._run_in(self.config.output_dir, cancel)
        with TemporaryDirectory(prefix="sizer-calc-") as folder:
            return self._run_in(Path(folder), cancel)

    def _run_in(self, folder: Path, cancel: threading.Event) -> CalcRunnerOutput:
        enable()
        job, text = _native.calc(self._parameters(folder), listener(None), cancel)
        self.result = Result._of(text, [], [])
        for estimate in self.result.estimates:
            if estimate.reason is not None and estimate.users is not None:
                _logger.warning("no estimate for the %s: %s", estimate.target, estimate.reason)
        for note in self.result.notes:
            _logger.info("%s", note)
        assert job is not None, "a folder was given"
        return CalcRunnerOutput.model_validate_json((job / "calc_runner_output.json").read_bytes())

    def _parameters(self, output_dir: Optional[Path]) -> _Parameters:
        values = {**vars(self.config), "output_dir": output_dir}
        return _Parameters(**{name: values[name] for name in _Parameters._fields})


def _in_fields(error: ParameterError) -> ParameterError:
    """The same error in terms of parameters instead of options of the command line."""
    named = re.sub(r"--(\w+)", lambda found: _FIELDS.get(found[1], found[1]), str(error))
    return ParameterError(named)
