"""The programmatic calculator of NeMo Agent Toolkit, under its three names, on top of sizer.

``CalcRunner``, ``CalcRunnerConfig`` and ``CalcRunnerOutput`` take and give what the toolkit's do; a program for these
needs other imports and nothing else. With :mod:`sizer.shim` not even those.
"""

from .calc_runner import CalcRunner
from .data_models import CalcRunnerConfig, CalcRunnerOutput

__all__ = ["CalcRunner", "CalcRunnerConfig", "CalcRunnerOutput"]
