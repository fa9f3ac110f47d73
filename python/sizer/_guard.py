"""The guard of processes: what ends them if this process is killed.

Run as a program, this file is that guard. It finds the native module beside it, so it needs no path, no variables and
nothing that is installed: whoever starts it cannot make it import something else.
"""

import os
import sys


def enable() -> None:
    """Names the command that runs the guard, once."""
    from . import _native

    # An interpreter that is part of another program cannot be started again.
    if sys.executable:
        _native.guard_with(sys.executable, ["-I", "-S", os.path.abspath(__file__)])


def _native_beside() -> "object":
    from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    folder = os.path.dirname(os.path.abspath(__file__))
    for suffix in EXTENSION_SUFFIXES:
        path = os.path.join(folder, "_native" + suffix)
        if os.path.exists(path):
            loader = ExtensionFileLoader("_native", path)
            spec = spec_from_loader("_native", loader)
            assert spec is not None
            module = module_from_spec(spec)
            loader.exec_module(module)
            return module
    raise ImportError(f"there is no native module in {folder}")


if __name__ == "__main__":
    sys.exit(_native_beside().main(["sizer", *sys.argv[1:]]))  # type: ignore[attr-defined]
