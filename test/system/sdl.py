#!/usr/bin/env python3
"""-display sdl shows in its window, to the pixel, what -screendump writes: in each kind of video mode, by SDL's driver
that keeps each frame of its window in a file instead of showing it. On an X server, it closes.

usage: sdl.py RINGFOLD
"""
import glob
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

import vnc
from monitor_client import Qmp
from picture import differences, ppm
from vnc import MODES, read, report, sector, until
from x11 import Server, close_windows


def bmp(path):
    """Width, height and pixels of a Windows bitmap with 24 or 32 bits, rows from the top."""
    with open(path, "rb") as f:
        data = f.read()
    start, = struct.unpack_from("<I", data, 10)
    width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    step, pixels = bits // 8, bytearray()
    row_bytes = (width * step + 3) // 4 * 4
    for y in range(height):
        row = data[start + (height - 1 - y) * row_bytes:][:width * step]
        line = bytearray(width * 3)
        line[0::3], line[1::3], line[2::3] = row[2::step], row[1::step], row[0::step]
        pixels += line
    return width, height, bytes(pixels)


def frames(folder):
    return sorted(glob.glob(os.path.join(folder, "SDL_window*.bmp")))


def last_frame(folder):
    """When none has come for a while."""
    count = -1
    while count != len(frames(folder)):
        count = len(frames(folder))
        time.sleep(0.7)
    return bmp(frames(folder)[-1]) if count else (0, 0, b"")


def picture_of(ringfold, folder, name, mode):
    said, dump = os.path.join(folder, "said"), os.path.join(folder, "dump.ppm")
    for old in (said, dump, *frames(folder)):
        if os.path.exists(old):
            os.unlink(old)
    child = subprocess.Popen([ringfold, "-m", "16", "-fda", sector(folder, mode), "-boot", "a", "-serial", "none",
                              "-nodefaults", "-debugcon", f"file:{said}", "-display", "sdl", "-screendump", dump],
                             cwd=folder, env=os.environ | {"SDL_VIDEODRIVER": "dummy", "SDL_VIDEO_DUMMY_SAVE_FRAMES": "1"},
                             stdin=subprocess.DEVNULL)
    try:
        report(until(lambda: "R" in read(said), child), f"{name}: the guest draws")
        seen = last_frame(folder)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        status = child.wait(30)
    report(status == 128 + signal.SIGTERM, f"{name}: SIGTERM is ours, not SDL's", str(status))
    different = differences(seen, ppm(dump))
    report(not different, f"{name}: the window shows what -screendump writes", different)


def no_screen(ringfold):
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    child = subprocess.run([ringfold, "-m", "16", "-display", "sdl"], env=bare | {"SDL_VIDEODRIVER": "x11"},
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    report(child.returncode == 1 and child.stderr.startswith("ringfold: -display sdl: SDL finds no screen")
           and child.stderr.count("\n") == 1, "a host without a screen is said in one line", child.stderr)


def window_closed(ringfold, folder):
    """On a real X server: the user closes the window."""
    server, socket = Server(), os.path.join(folder, "qmp")
    environment = os.environ | {"DISPLAY": server.display, "SDL_VIDEODRIVER": "x11"}
    # What X11's libraries keep LeakSanitizer cannot tell to be theirs, since SDL has unloaded them by then.
    environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    child = subprocess.Popen([ringfold, "-m", "16", "-display", "sdl", "-qmp", f"unix:{socket},server,nowait"], env=environment,
                             stdin=subprocess.DEVNULL)
    try:
        qmp = Qmp(socket)
        qmp.must("qmp_capabilities")
        windows = close_windows(server.display)
        report(windows == 1, "there is a window", str(windows))
        event = qmp.wait_event("SHUTDOWN")
        report(event["data"] == {"guest": False, "reason": "host-ui"}, "its end is QMP's SHUTDOWN by the host's user", str(event))
        status = child.wait(30)
        report(status == 0, "and the program's, with status 0", str(status))
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        server.stop()


def main():
    ringfold = os.path.abspath(sys.argv[1])
    help_text = subprocess.run([ringfold, "-m", "16", "-display", "sdl"], env=os.environ | {"SDL_VIDEODRIVER": "none"},
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stderr
    if "built without SDL" in help_text:
        report(help_text.count("\n") == 1, "a build without SDL says so in one line", help_text)
        sys.exit(vnc.failed > 0)
    with tempfile.TemporaryDirectory() as folder:
        no_screen(ringfold)
        window_closed(ringfold, folder)
        for name, mode in MODES.items():
            picture_of(ringfold, folder, name, mode)
    sys.exit(vnc.failed > 0)


main()
