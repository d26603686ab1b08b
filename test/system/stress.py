#!/usr/bin/env python3
"""Runs the stress guest (guests/stress), or that of user code (guests/users), under every policy of the translator, with the auditor on, and holds its checksums
against those of the interpreter.

usage: stress.py [options] RINGFOLD KERNEL
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time

MACHINE = ["-display", "none", "-serial", "none", "-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot", "-m", "64"]
PASSED = 1  # isa-debug-exit's status

# Small thresholds convict and acquit all the time; a small code cache evicts all the time.
CONFIGURATIONS = [
    "-accel bt",
    "-accel bt -adapt never-direct",
    "-accel bt -adapt always-direct",
    "-accel bt -adapt innocent",
    "-accel bt -adapt hot,direct-after=1,window-after=1",
    "-accel bt -adapt hot,direct-after=16,window-after=200,guilty-score=2,retry-after=64",
    "-accel bt,tb-size=2 -adapt innocent,guilty-score=1,retry-after=8",
    "-accel bt,tb-size=2 -adapt hot,direct-after=2,window-after=1,guilty-score=1,retry-after=2",
    "-accel bt -engine segments",
    "-accel bt,tb-size=2 -engine segments -adapt hot,direct-after=2,window-after=1,guilty-score=1,retry-after=2",
]
SHAPES = ["", "pae=1", "interrupts=1", "pae=1 interrupts=1", "globals=0", "pae=1 globals=0"]


def run(command, limit):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace").splitlines() + [f"no end within {limit:g} seconds"], None
    return done.stdout.decode(errors="replace").splitlines(), done.returncode


def first_difference(wanted, got):
    for w, g in zip(wanted, got):
        if w != g:
            return f"wanted: {w}\n    got:    {g}"
    return f"{len(got)} lines where {len(wanted)} were due; the last: {got[-1] if got else ''}"


def compare(a, configuration, append, wanted):
    """What is wrong, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "audit")
        lines, status = run([a.ringfold, *configuration.split(), "-d", "audit", "-D", log, "-kernel", a.kernel, "-append", append, *MACHINE], a.time_limit)
        audit = open(log).read() if os.path.exists(log) else "no log was written"
    problems = []
    if lines != wanted:
        problems.append(first_difference(wanted, lines))
    elif status != PASSED:
        problems.append(f"exit status {status}")
    if audit:
        problems.append(f"the auditor: {audit.splitlines()[0]}")
    return problems


def check_seed(a, seed, configurations):
    """The number of failures."""
    append = f"seed={seed} steps={a.steps} {SHAPES[seed % len(SHAPES)]}".strip()
    wanted, status = run([a.ringfold, "-accel", "interp", "-kernel", a.kernel, "-append", append, *MACHINE], a.time_limit)
    checksums = [line for line in wanted if re.match(r"# step \d+: [0-9a-f]{8}$", line)]
    if status != PASSED or len(checksums) < a.steps // 100:
        print(f"not ok - {append}: under the interpreter: status {status}, {len(checksums)} checksums\n    " + "\n    ".join(wanted[-3:]))
        return 1
    failed = 0
    for configuration in configurations:
        problems = compare(a, configuration, append, wanted)
        failed += bool(problems)
        if problems:
            print(f"not ok - {configuration} -append '{append}'\n    " + "\n    ".join(problems), flush=True)
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seeds", default="1-4", help="FIRST-LAST (default 1-4)")
    p.add_argument("--fresh", type=int, default=0, metavar="N", help="N seeds drawn at random instead")
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--seconds", type=float, help="begin no new seed after so long")
    p.add_argument("--time-limit", type=float, default=120, help="seconds for one run")
    p.add_argument("--configuration", action="append", help="instead of all of them; may be given again")
    p.add_argument("--without", metavar="WORD", help="leave out configurations that have this word")
    p.add_argument("ringfold")
    p.add_argument("kernel")
    a = p.parse_args()
    first, _, last = a.seeds.partition("-")
    seeds = [random.randrange(1 << 31) for _ in range(a.fresh)] or range(int(first), int(last or first) + 1)
    configurations = [c for c in a.configuration or CONFIGURATIONS if a.without not in c.split()]
    start, done, failed = time.monotonic(), 0, 0
    for seed in seeds:
        if a.seconds and time.monotonic() - start > a.seconds:
            break
        failed += check_seed(a, seed, configurations)
        done += 1
    print(f"{done} seeds, {a.steps} steps each, {failed} failures")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
