"""Hands hostile inputs to sizer, one after the other, and prints what became of each.

    python3 benches/hostile [--binary PATH] [PART OF A NAME …]

Fails where an input takes more than 10 s (of computing, where the machine is busy) or 512 MiB, ends by a signal, or with an exit code that is not right.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time

from inputs import INPUTS

MOST_SECONDS = 10.0
MOST_MIB = 512
# What goes far beyond the limits is ended, so that it does not take the machine with it.
KILLED_AFTER = 60
KILLED_MIB = 1500
PAGE = os.sysconf("SC_PAGE_SIZE")
HERE = os.path.dirname(os.path.abspath(__file__))


def children(parent):
    """The processes that one started, with the MiB that each holds."""
    try:
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/statm") as statm:
                    yield int(child), int(statm.read().split()[1]) * PAGE >> 20
    except (OSError, IndexError):
        return


def run(binary, name, args, codes, write):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write()
        if args[0] == "render" and os.path.exists("q.jsonl"):
            subprocess.run([binary, "run", "s.yml", "-q"], stdout=subprocess.DEVNULL, check=True)
        command = ["/usr/bin/time", "-o", "time.txt", "-f", "%e %U %S %M", binary, *args]
        with open("said.txt", "wb") as said:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
            began = time.monotonic()
            while process.poll() is None:
                time.sleep(0.01)
                for child, resident in children(process.pid):
                    if resident > KILLED_MIB or time.monotonic() - began > KILLED_AFTER:
                        os.kill(child, signal.SIGKILL)
        # A process that a signal ended has a line of its own before the figures.
        with open("time.txt") as file:
            elapsed, user, system, kib = file.read().split("\n")[-2].split()
        with open("said.txt", errors="replace") as file:
            said = file.read()
        code = process.returncode
        os.chdir(HERE)
    lines = [line for line in said.split("\n") if line.strip()]
    # On a busy machine it is the time of computing that says something.
    elapsed, computed, mib = float(elapsed), float(user) + float(system), int(kib) >> 10
    wrong = []
    if code not in codes:
        wrong.append(f"exit code {code}")
    if "panicked" in said:
        wrong.append("a panic")
    if min(elapsed, computed) > MOST_SECONDS or code == 137:
        wrong.append("time")
    if mib > MOST_MIB:
        wrong.append("memory")
    # 134 is an abort, 139 a full stack, 137 what was ended here.
    first = (lines or [""])[0].replace("|", "\\|").replace(folder, "…")
    shown = first if len(first) <= 140 else first[:139] + "…"
    mark = f" **{', '.join(wrong)}**" if wrong else ""
    print(f"| {name} | {code} | {elapsed:.1f} | {computed:.1f} | {mib} | {shown}{mark} |", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "..", "..", "target", "release", "sizer"))
    parser.add_argument("parts", nargs="*", help="only inputs whose names hold one of these")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    chosen = [it for it in INPUTS if not options.parts or any(part in it[0] for part in options.parts)]
    print(f"{shlex.quote(os.path.basename(binary))}: {len(chosen)} inputs, at most {MOST_SECONDS:.0f} s and {MOST_MIB} MiB each\n")
    print("| input | exit code | seconds | of computing | MiB | message |\n|---|---|---|---|---|---|")
    wrong = sum(not run(binary, *it) for it in chosen)
    print(f"\n{wrong} of {len(chosen)} beyond the limits" if wrong else "\nall within the limits")
    sys.exit(1 if wrong else 0)


main()
