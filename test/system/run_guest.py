#!/usr/bin/env python3
"""Runs a guest program that reports as guests/lib/protocol.h says, and turns its report into an exit status."""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile

STATUS_PASSED = 1  # what isa-debug-exit makes of PROTOCOL_EXIT_PASSED


def read_known(path):
    """Lines "name: reason", and "# " before talk, for checks that this emulator is known to fail; '*' at the end of a name is a wildcard."""
    known = {}
    for line in open(path):
        line = line.strip()
        if line and not line.startswith("# "):
            name, _, reason = line.rpartition(": ")
            if not name or not reason:
                sys.exit(f"{path}: a line without a reason: {line}")
            known[name] = reason
    return known


def is_known(name, known):
    return next((k for k in known if k == name or (k.endswith("*") and name.startswith(k[:-1]))), None)


def run(command, limit):
    """The program's output and exit status; a status of None means that the time was up."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 start_new_session=True)
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = None
        out.seek(0)
        return out.read().decode(errors="replace"), status


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--known", help="file of checks that may fail here, with reasons")
    p.add_argument("--time-limit", type=float, default=60)
    p.add_argument("--tries", type=int, default=1, help="where the emulator itself is known to hang now and then")
    p.add_argument("--verbose", action="store_true", help="show all of the guest's output")
    p.add_argument("command", nargs="+", help="the emulator and its options")
    a = p.parse_args()
    known = read_known(a.known) if a.known else {}

    for _ in range(a.tries):
        text, status = run(a.command, a.time_limit / a.tries)
        if status is not None:
            break
    if a.verbose:
        print(text)
    lines = text.splitlines()
    plan, used, problems, made = None, set(), [], 0
    for i, line in enumerate(lines):
        if m := re.match(r"(not )?ok (\d+) - (.*?)(?: # .*)?$", line):
            made += 1
            if int(m[2]) != made:
                problems.append(f"check {m[2]} came where {made} was due")
            if m[1]:
                if reason := is_known(m[3], known):
                    used.add(reason)
                else:
                    talk = lines[i + 1] if i + 1 < len(lines) and lines[i + 1].startswith("#") else ""
                    problems.append(line + ("\n    " + talk if talk else ""))
        elif m := re.match(r"1\.\.(\d+)$", line):
            plan = int(m[1])
    if status is None:
        problems.append(f"no end within {a.time_limit:g} seconds")
    if plan is None:
        problems.append(f"the report breaks off after check {made}; exit status {status}; last lines:")
        problems += ["    " + l for l in lines[-12:]]
    elif plan != made or made == 0:
        problems.append(f"{made} checks where {plan} were announced")
    elif status != STATUS_PASSED and not used:
        problems.append(f"exit status {status} where {STATUS_PASSED} was due")
    for reason in known:
        if known[reason] and reason not in used:
            print(f"note: passes now: {reason}")
    print("\n".join(problems) if problems else f"{made} checks, {len(used)} known differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
