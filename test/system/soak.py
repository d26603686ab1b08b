#!/usr/bin/env python3
"""Random work for as long as wanted, fresh each time: the stress guest, random blocks, random kernels, and boots of
Debian under policies and code caches that change by turns. Each failure prints the command that repeats it.

usage: soak.py [options] SOURCE BUILD          the source tree, and build/release
"""
import argparse
import itertools
import os
import random
import shlex
import subprocess
import sys
import time

POLICIES = ["hot", "never-direct", "innocent", "hot,direct-after=2,window-after=64", "hot,window-after=1000,direct-after=64,guilty-score=2,retry-after=256"]
# Megabytes of code cache: one flushes all the time, one now and then, one never.
CACHES = [2, 16, 128]


def tasks(a):
    """Endless (name, command), so that each kind has its turn."""
    build, source = a.build, a.source
    system = os.path.join(source, "test", "system")
    ringfold = os.path.join(build, "ringfold")
    seed = lambda: random.randrange(1, 1 << 30)
    for turn in itertools.count():
        kernel = "users.elf" if turn % 2 else "stress.elf"
        yield "stress", [sys.executable, os.path.join(system, "stress.py"), "--seeds", str(seed()), ringfold, os.path.join(build, "guests", kernel)]
        extra = [[], ["--supervisor"], ["--cpus", "step,soft,direct,hot,innocent"]][turn % 3]
        yield "random blocks", [os.path.join(build, "test", "differential", "differential"), *extra, "--seed", str(seed()), "--count", "3000"]
        yield "random kernels", [os.path.join(build, "test", "random_kernels"), "bt" if turn % 4 else "interp", str(seed()), "300"]
        guest = os.path.join(source, "build", "guests", "linux")
        if not os.path.exists(os.path.join(guest, "initrd.gz")):
            continue
        kernel, cache = ("686", "686-pae")[turn % 2], CACHES[turn % len(CACHES)]
        # With the small cache an idle guest, too, is translated again and again.
        yield "boot", [sys.executable, os.path.join(system, "boot.py"), "--guest", guest, "--kernel", kernel, "--limit", "600", "--idle", "1", "--",
                       ringfold, "-accel", f"bt,tb-size={cache}", "-adapt", POLICIES[turn % len(POLICIES)]]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=1800, help="begin nothing new after so long (default 1800)")
    p.add_argument("--task-limit", type=float, default=1800, help="seconds for one task")
    p.add_argument("source")
    p.add_argument("build")
    a = p.parse_args()
    start, counts, failures = time.monotonic(), {}, 0
    for name, command in tasks(a):
        if time.monotonic() - start > a.seconds:
            break
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=a.task_limit)
            text, failed = done.stdout.decode(errors="replace"), done.returncode != 0
        except subprocess.TimeoutExpired:
            text, failed = f"no end within {a.task_limit:g} seconds", True
        counts[name] = counts.get(name, 0) + 1
        failures += failed
        print(f"{'not ok' if failed else 'ok'} - {name}: {shlex.join(command)}", flush=True)
        if failed:
            print("    " + "\n    ".join(text.splitlines()[-30:]), flush=True)
    print(", ".join(f"{n} x {name}" for name, n in counts.items()) + f"; {failures} failures")
    return 1 if failures or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
