#!/usr/bin/env python3
"""A VNC viewer looks on while a guest paints by direct stores into the display's memory: it sees each painting, which only
traces of first writes can tell it, under every policy, with the auditor on.

usage: painter.py RINGFOLD PAINTER.ELF
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

import vnc
from monitor_client import Hmp
from picture import differences, ppm
from rfb import Rfb, free_display
from vnc import read, report, until

POLICIES = {
    "interp": ["-accel", "interp"],
    "the default": [],
    "always-direct": ["-adapt", "always-direct"],
    "never-direct": ["-adapt", "never-direct"],
    "hot early": ["-adapt", "hot,direct-after=2,window-after=8"],
    "innocent": ["-adapt", "innocent,guilty-score=1,retry-after=8"],
    "segments": ["-engine", "segments"],
}
PAINTINGS = "11422433414"  # see painter.c
SECONDS = 20


def framebuffer(seed):
    """What painting 1 looks like."""
    words = (((n + seed * 977) * 2654435761) & 0xffffff for n in range(640 * 480))
    return 640, 480, b"".join(w.to_bytes(3, "big") for w in words)


class Painter:
    def __init__(self, ringfold, kernel, folder, options):
        self.said, self.dump, socket = (os.path.join(folder, name) for name in ("said", "dump.ppm", "monitor"))
        open(self.said, "w").close()
        self.display = free_display()
        self.child = subprocess.Popen(
            [ringfold, *options, "-kernel", kernel, "-vga", "std", "-m", "32", "-serial", "none", "-debugcon", f"file:{self.said}",
             "-vnc", f":{self.display}", "-monitor", f"unix:{socket},server,nowait", "-d", "audit"], stdin=subprocess.DEVNULL)
        self.painted(1)
        self.monitor = Hmp(socket)
        self.viewer = Rfb(5900 + self.display)

    def painted(self, count):
        return until(lambda: len(read(self.said)) >= count, self.child, SECONDS)

    def paint(self, what, count):
        self.monitor.run(f"sendkey {what}")
        return self.painted(count)

    def truth(self):
        self.monitor.run(f'screendump "{self.dump}"')
        return ppm(self.dump)

    def seen(self, wanted):
        """What differs from the picture that should come, when it has had its time."""
        end = time.monotonic() + SECONDS
        while True:
            self.viewer.update(incremental=True)
            picture = self.viewer.width, self.viewer.height, self.viewer.rgb()
            different = "" if picture == wanted else differences(picture, wanted)
            if not different or time.monotonic() > end:
                return different

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)


def watch(ringfold, kernel, folder, policy, options):
    painter, before = Painter(ringfold, kernel, folder, options), None
    try:
        for n, what in enumerate(PAINTINGS, 1):
            name = f"{policy}, painting {n}, which is {what}"
            if not painter.paint(what, n + 1):
                report(False, name, "the guest does not finish it")
                break
            truth = painter.truth()
            report(truth != before, f"{name}: there is something new")
            if what == "1":
                different = differences(truth, framebuffer(n))
                report(not different, f"{name}: it is what the guest meant", different)
            different = painter.seen(truth)
            report(not different, f"{name}: the viewer sees it", different)
            before = truth
    finally:
        status = painter.end()
    report(status == 128 + signal.SIGTERM, f"{policy}: it ends as it should", str(status))


def main():
    ringfold, kernel = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for policy, options in POLICIES.items():
            watch(ringfold, kernel, folder, policy, options)
    sys.exit(vnc.failed > 0)


main()
