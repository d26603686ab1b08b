#!/usr/bin/env python3
"""Writes into a test file the OUT and MEM lines that the host CPU says are true, for review before a commit.

usage: accept.py FILE.asm RUNNER      (IN, UNDEF, FAULT and the code stay as they are)
"""
import os
import subprocess
import sys
import tempfile

source, runner = sys.argv[1:3]
folder = os.path.dirname(os.path.abspath(source))
with tempfile.NamedTemporaryFile(suffix=".bin") as binary:
    subprocess.run(["nasm", "-f", "bin", "-i", folder + "/", "-o", binary.name, source], check=True)
    printed = subprocess.run([runner, binary.name, "--print", "native"], check=True, capture_output=True, text=True)

outcomes, faults = [], []
for line in printed.stdout.splitlines():
    if line.startswith("CASE"):
        outcomes.append([])
        faults.append("")
    elif line.lstrip().startswith(";"):
        faults[-1] = line.strip()
    else:
        outcomes[-1].append(line)

result, case, expects_fault, pending = [], -1, False, False
own, by_hand = [], False  # the lines as they stood; a case that is not for the host keeps them


def place():
    global pending
    if pending:
        result.extend(own if by_hand else outcomes[case])
    pending = False


for line in open(source).read().splitlines():
    words = line.split()
    first = words[0] if words else ""
    if first == "CASE":
        case, expects_fault, pending = case + 1, False, True
        own, by_hand = [], False
    elif first in ("OUT", "MEM"):
        own.append(line)
        continue
    elif first == "NONATIVE":
        by_hand = True
    elif first == "FAULT":
        expects_fault = True
    elif first and first not in ("IN", "INMEM", "INFPU", "START", "UNMAP", "READONLY", "UNDEF", "NONATIVE") and not first.startswith(";"):
        place()
    if first == "DONE" and not expects_fault and not faults[case].startswith("; vector 13 error 0"):
        print(f"case {case + 1}, unexpected end: {faults[case]}", file=sys.stderr)
    result.append(line)
open(source, "w").write("\n".join(result) + "\n")
