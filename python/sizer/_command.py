"""The command ``sizer``: the same as the binary's, in the process of the interpreter."""

import signal
import sys

from . import _native
from ._guard import enable


def main() -> int:
    """Runs the command line of this process, and returns its exit code."""
    # The interpreter only notes a signal, to act on it once the command is over. What the parent process had ignored
    # stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The interpreter ignores it; a program is ended by it.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    enable()
    return _native.main(["sizer", *sys.argv[1:]])
