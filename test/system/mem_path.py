#!/usr/bin/env python3
"""-mem-path and -mem-prealloc: guest RAM on a tmpfs with huge pages, and on what cannot serve, mounted where only this test sees it.

usage: mem_path.py RINGFOLD GUEST_KERNEL
Ends with status 77 where it may not mount.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

import mount_namespace
from refusals import Refusals

MIB = 1 << 20
OPTIONS = ["-display", "none", "-serial", "none", "-m", "64"]


def mount(kind, options, at):
    return subprocess.run(["mount", "-t", kind, "-o", options, "none", at], capture_output=True).returncode == 0


def memory_of(pid, what, field):
    """KiB of that field in /proc/PID/smaps, of the largest mapping whose name holds `what`."""
    largest, value, inside = 0, 0, False
    for line in open(f"/proc/{pid}/smaps"):
        if m := re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$", line):
            size = int(m[2], 16) - int(m[1], 16)
            inside = what in m[3] and size > largest
            largest = size if inside else largest
        elif inside and line.startswith(field + ":"):
            value = int(line.split()[1])
    return value


def main():
    mount_namespace.enter()
    ringfold, kernel = sys.argv[1:]
    refusals = Refusals(ringfold)

    def report(good, name, detail=""):
        print(f"{'ok' if good else 'not ok'} - {name}")
        if not good:
            refusals.failed += 1
            print(f"  {detail}")

    def resident(name, what, field, least, *options):
        """Of a machine that has not begun to run."""
        child = subprocess.Popen([ringfold, "-S", "-kernel", kernel, *OPTIONS, *options], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end, have = time.monotonic() + 20, 0
        while have < least and child.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            have = memory_of(child.pid, what, field) * 1024
        report(have >= least, name, f"{have} bytes of {field}")
        child.kill()
        child.communicate()

    with tempfile.TemporaryDirectory() as folder:
        places = {name: os.path.join(folder, name) for name in ("small", "huge", "explicit")}
        for place in places.values():
            os.mkdir(place)
        if not mount("tmpfs", "size=8m", places["small"]):
            print("1..0 # SKIP no mounts: this takes root")
            sys.exit(mount_namespace.SKIPPED)
        refusals.refuses("a tmpfs without room", ["-kernel", kernel, *OPTIONS, "-mem-path", places["small"]],
                         f"-mem-path {places['small']}: ", "64 MiB", "-m")
        if mount("hugetlbfs", "size=64m", places["explicit"]):
            refusals.refuses("hugetlbfs", ["-kernel", kernel, *OPTIONS, "-mem-path", places["explicit"]],
                             f"-mem-path {places['explicit']}: ", "hugetlbfs", "huge=always")
        resident("-mem-prealloc allocates all", "ringfold-ram", "Rss", 64 * MIB, "-mem-prealloc")
        if mount("tmpfs", "size=256m,huge=always", places["huge"]):
            where = ["-mem-path", places["huge"]]
            resident("a tmpfs with huge pages: all is there", places["huge"], "Rss", 64 * MIB, *where)
            resident("... and mapped by huge pages", places["huge"], "ShmemPmdMapped", 32 * MIB, *where)
            report(os.listdir(places["huge"]) == [], "no file is left there", os.listdir(places["huge"]))
            for engine in ("windows", "segments"):
                done = subprocess.run([ringfold, *OPTIONS, "-kernel", kernel, "-engine", engine, "-debugcon", "stdio", "-device",
                                       "isa-debug-exit,iobase=0xf4,iosize=4", *where], stdin=subprocess.DEVNULL, capture_output=True,
                                      text=True, timeout=120)
                report("not ok" not in done.stdout and done.stdout.endswith("passed\n"), f"a guest with large pages there, -engine {engine}",
                       done.stdout[-500:] + done.stderr)
        for place in places.values():
            subprocess.run(["umount", place], capture_output=True)
    sys.exit(1 if refusals.failed else 0)


main()
