#!/usr/bin/env python3
"""Runs one of the programs in bench/ small, and looks whether what it prints and writes is well-formed. Nothing is timed.

usage: smoke.py PROGRAM [--rows N] -- [its options]
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def figures_of(node, path=""):
    """Every {"median", "min", "max", ...} in the JSON, with where it is."""
    if isinstance(node, dict):
        if {"median", "min", "max"} <= node.keys():
            yield path, node
        for key, value in node.items():
            yield from figures_of(value, f"{path}/{key}")
    elif isinstance(node, list):
        for n, value in enumerate(node):
            yield from figures_of(value, f"{path}/{n}")


def problems_of(text, content, rows):
    table = [line for line in text.splitlines() if line.startswith("|")]
    if len(table) < 3 or len({line.count("|") for line in table}) != 1 or len({len(line) for line in table}) != 1:
        yield "the table is not a table"
    got = len(content.get("rows", ()))
    if not got or rows and got != rows:
        yield f"{got} rows in the JSON where {rows or 'some'} were due"
    if len(table) - 2 not in (got, got + 1):  # a line of means may follow
        yield f"{len(table) - 2} rows in the table where {got} were due"
    for key in ("bench", "host", "load", "rounds"):
        if not content.get(key):
            yield f"no {key} in the JSON"
    figures = list(figures_of(content["rows"]))
    if not figures:
        yield "no figures in the JSON"
    for path, f in figures:
        if not all(isinstance(f[k], (int, float)) and math.isfinite(f[k]) for k in ("median", "min", "max")):
            yield f"{path}: not numbers"
        elif not 0 <= f["min"] <= f["median"] <= f["max"] or f["max"] == 0:
            yield f"{path}: {f['min']} {f['median']} {f['max']}"


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("program", help="name in bench/")
    p.add_argument("--rows", type=int, help="how many are due, if that is known")
    p.add_argument("options", nargs="*")
    a = p.parse_args()
    program = os.path.join(TOP, "bench", a.program)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.json")
        done = subprocess.run([program, *a.options, "--json", path], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"status {done.returncode}")
        problems = list(problems_of(done.stdout, json.load(open(path)), a.rows))
    # What cannot be measured ends with one line that says so.
    refused = subprocess.run([program, *a.options, "--ringfold", "/nonexistent"], capture_output=True, text=True)
    if refused.returncode != 1 or refused.stderr.count("\n") != 1 or "/nonexistent" not in refused.stderr:
        problems.append(f"without ringfold: status {refused.returncode}, {refused.stderr!r}")
    print("\n".join(problems) if problems else done.stdout)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
