"""A program of guests/workloads, run in a Linux guest and natively: what its lines say."""
import os
import re
import subprocess
import sys
import time

from . import linux_guest
from .host import TOP

PROGRAMS = os.path.join(TOP, "build/release/guests/workloads")
ROW = re.compile(r"(?P<row>[\w-]+):(?P<passes>(?: \d+)+) cpu (?P<cpu>\d+) sum (?P<sum>[0-9a-f]{8})$")
CLOCK_TOLERANCE = 0.01  # by how much a guest's clock may differ from the host's before its figures are not believed


def add_options(p, program, passes):
    p.add_argument("--passes", type=int, default=passes, help=f"of each row in one run; the fastest counts (default {passes})")
    p.add_argument("--row", action="append", default=[], metavar="NAME", help="only this row; may be given several times")
    p.add_argument("--program", default=os.path.join(PROGRAMS, program), metavar="FILE")
    p.add_argument("--clock", choices=["own", "cpu"], default="own",
                   help="own: the program's clock (default). cpu: the CPU time that the host gave it, averaged over the passes; "
                        "coarse, but barely depends on what else the host does")


def check_program(program):
    if not os.path.exists(program):
        sys.exit(f"bench/{os.path.basename(sys.argv[0])}: no {program}; build it with cmake --build build/release --target "
                 "workloads, for which g++-multilib must be installed")


def words(a, program, rows):
    return [program, "--passes", str(a.passes), *rows]


def parse(stamped, wanted):
    """[(host's seconds, its CPU seconds used by the program or its emulator or None, line)] -> row -> figures, and how
    much faster the program's clock ran than the host's."""
    rows, clocks, used = {}, [], None
    for at, cpu, line in stamped:
        if line.startswith("clock "):
            clocks.append((at, int(line.split()[1]) / 1e9))
        elif line.startswith("begin "):
            used = cpu
        elif m := ROW.match(line):
            passes = [int(text) / 1e9 for text in m["passes"].split()]
            host = int(m["cpu"]) / 1e9 if cpu is None else cpu - used
            rows[m["row"]] = {"best": min(passes), "first": passes[0], "cpu": host / len(passes), "sum": m["sum"], "passes": passes}
        else:
            sys.exit(f"a line that is no row: {line}\n" + "\n".join(text for _, _, text in stamped))
    if len(clocks) != 2 or not rows or any(row not in rows for row in wanted):
        sys.exit("rows are missing in:\n" + "\n".join(text for _, _, text in stamped))
    host, own = (clocks[1][n] - clocks[0][n] for n in (0, 1))
    return {"rows": rows, "clock_error": own / host - 1}


def run_in_guest(emulator, kernel, initrd, program, a, wanted=None):
    """Rows `wanted`, or those that the options ask for."""
    wanted = a.row if wanted is None else wanted
    return parse(linux_guest.run_command(emulator, kernel, initrd, words(a, program, wanted), a), wanted)


def run_natively(a, environment=None, folder=None):
    """The same file as a process of the host's."""
    child = subprocess.Popen(words(a, a.program, a.row), stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    stamped = [(time.monotonic(), None, line.rstrip("\n")) for line in child.stdout]
    if child.wait():
        sys.exit(f"{a.program}: status {child.returncode}\n" + "\n".join(text for _, _, text in stamped))
    return parse(stamped, a.row)


def show(result):
    """For the line of progress."""
    return f"{len(result['rows'])} rows, {sum(sum(row['passes']) for row in result['rows'].values()):.1f} s"


def check_sums(runs):
    """Every row must have come to the same everywhere; else there is nothing to compare."""
    sums = {}
    for name, results in runs.items():
        for result in results:
            for row, figures in result["rows"].items():
                sums.setdefault(row, {}).setdefault(figures["sum"], set()).add(name)
    wrong = {row: {value: sorted(names) for value, names in of.items()} for row, of in sums.items() if len(of) > 1}
    if wrong:
        sys.exit(f"checksums differ: {wrong}")


def clock_report(runs):
    """Whose clock cannot be trusted, in words."""
    worst = {name: max((result["clock_error"] for result in results), key=abs) for name, results in runs.items()}
    wrong = [f"{name} {error:+.1%}" for name, error in worst.items() if abs(error) > CLOCK_TOLERANCE]
    if wrong:
        return f"DISAGREE with the host's: {', '.join(wrong)}; their rows are not seconds"
    return f"agree with the host's within {max(map(abs, worst.values())):.2%}"
