"""Programs for NeMo Agent Toolkit's calculator, unchanged: its modules, found here where the toolkit is not installed.

``python -m sizer.shim program.py ARGUMENTS`` runs a program with them; ``sizer.shim.install()`` makes them known to
the rest of a process, such as a notebook. Nothing is installed under the toolkit's names, and a toolkit that is
installed stays what it is: its modules are found first, and none is added to it.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Optional, Sequence

_PACKAGES = ("aiq.profiler.calc", "nat.profiler.calc", "nat.plugins.profiler.calc")
"""Packages that have had the calculator, from the first releases of the toolkit to the latest."""

_MODULES = ("calc_runner", "data_models")
"""Modules of each, which are those of :mod:`sizer.calc`."""


class _ShimLoader(Loader):
    def __init__(self, original: Optional[str]) -> None:
        self.original = original

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if self.original is not None:
            from importlib import import_module

            original = import_module(self.original)
            public = {name: it for name, it in vars(original).items() if not name.startswith("_")}
            vars(module).update(public)


class _ShimFinder(MetaPathFinder):
    """Finds modules that nobody before it has found."""

    def find_spec(self, fullname: str, path: Optional[Sequence[str]], target: Any = None) -> Optional[ModuleSpec]:
        root = sys.modules.get(fullname.partition(".")[0])
        if root is not None and not isinstance(getattr(root.__spec__, "loader", None), _ShimLoader):
            # The toolkit is installed, and this is a module that it does not have.
            return None
        if any(package == fullname or package.startswith(fullname + ".") for package in _PACKAGES):
            return ModuleSpec(fullname, _ShimLoader(None), is_package=True)
        package, _, module = fullname.rpartition(".")
        if package in _PACKAGES and module in _MODULES:
            return ModuleSpec(fullname, _ShimLoader(f"sizer.calc.{module}"))
        return None


def install() -> None:
    """Makes the modules known to this process; once is enough."""
    if not any(isinstance(finder, _ShimFinder) for finder in sys.meta_path):
        # At the end: whatever is installed is found first.
        sys.meta_path.append(_ShimFinder())


def installed_toolkit() -> Optional[str]:
    """The name of a package of the toolkit that is installed, and that the shim therefore leaves alone."""
    from importlib.util import find_spec

    for name in ("aiq", "nat"):
        spec = find_spec(name)
        if spec is not None and not isinstance(spec.loader, _ShimLoader):
            return name
    return None


def main() -> None:
    """Runs a program with the modules, as ``python program.py`` would run it."""
    import os
    import runpy

    if len(sys.argv) < 2:
        print("usage: python -m sizer.shim PROGRAM.py [ARGUMENTS]", file=sys.stderr)
        raise SystemExit(2)
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    install()
    name = installed_toolkit()
    if name is not None:
        print(f"note: {name} is installed, so the program runs with the toolkit's own calculator", file=sys.stderr)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    # This file as a program and the module of the same name must be one, or there would be two loaders.
    from sizer.shim import main as main_of_module

    main_of_module()
