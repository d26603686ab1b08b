#!/usr/bin/env python3
"""Every test that is given an accelerator has a twin that differs by the segments engine and no more than a policy.

usage: twin_check.py CTEST BUILD
"""
import json
import subprocess
import sys

# What may differ between twins, each with its value: what runs the guest, and the time it is given.
PAIRS = {"-accel", "-adapt", "-engine", "-user", "--limit", "--command-limit", "--idle", "--code-cache", "--time-limit"}


def without_pairs(command):
    """The command, and the values of PAIRS in it."""
    kept, values = [], {}
    words = iter(command)
    for word in words:
        if word in PAIRS:
            values[word] = next(words, "")
        else:
            kept.append(word)
    return tuple(kept), values


def main():
    ctest, build = sys.argv[1:]
    listing = subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], stdout=subprocess.PIPE, check=True).stdout
    families = {}
    for test in json.loads(listing)["tests"]:
        family, values = without_pairs(test.get("command", []))
        if values.get("-accel", "").startswith("bt"):
            families.setdefault(family, []).append((test["name"], values.get("-engine", "windows").split(",")[0]))
    alone = sorted(name for members in families.values() if "segments" not in {engine for _, engine in members} for name, _ in members)
    for name in alone:
        print(f"not ok - {name} has no twin with -engine segments")
    print(f"{len(families)} tests with -accel bt, {len(alone)} without a twin")
    return bool(alone) or len(families) < 20


if __name__ == "__main__":
    sys.exit(main())
