#!/usr/bin/env python3
"""A VNC viewer sees what the guest draws in each kind of video mode, to the pixel what -screendump and QEMU show, and
its keyboard and mouse reach the guest.

usage: vnc.py RINGFOLD
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from picture import differences, ppm
from monitor_client import Hmp, Qmp
from rfb import Rfb, free_display

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 120
MODES = {"text": 3, "planar, 12h": 0x12, "256 colours, 13h": 0x13, "VBE with 8 bits": 0x101, "VBE with 16 bits": 0x111,
         "VBE with 24 bits": 0x112, "VBE with 32 bits": 0x142}
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + why}", flush=True)
    failed += not good


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def until(condition, child, limit=LIMIT):
    deadline = time.monotonic() + limit
    while not condition() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def sector(folder, mode):
    image = os.path.join(folder, f"mode-{mode:x}")
    subprocess.run(["nasm", "-f", "bin", f"-DMODE={mode}", "-o", image, os.path.join(HERE, "screen_guest.asm")], check=True)
    with open(image, "r+b") as f:
        f.truncate(1440 << 10)
    return image


class Guest:
    def __init__(self, ringfold, folder, mode, vnc="", more=()):
        self.said, self.dump = os.path.join(folder, "said"), os.path.join(folder, "dump.ppm")
        for old in (self.said, self.dump):
            if os.path.exists(old):
                os.unlink(old)
        self.display = free_display()
        self.child = subprocess.Popen(
            [ringfold, "-m", "16", "-fda", sector(folder, mode), "-boot", "a", "-serial", "none", "-nodefaults", "-debugcon",
             f"file:{self.said}", "-vnc", f":{self.display}{vnc}", "-screendump", self.dump, *more],
            stdin=subprocess.DEVNULL)

    def ready(self):
        return until(lambda: "R" in read(self.said), self.child)

    def heard(self, wanted):
        return until(lambda: wanted in read(self.said), self.child, 30)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)


def qemu_screen(folder, mode):
    said, dump = os.path.join(folder, "qemu-said"), os.path.join(folder, "qemu.ppm")
    if os.path.exists(said):
        os.unlink(said)
    child = subprocess.Popen(["qemu-system-i386", "-accel", "tcg", "-m", "16", "-nodefaults", "-vga", "std", "-display", "none",
                              "-monitor", "stdio", "-drive", f"file={sector(folder, mode)},if=floppy,format=raw", "-boot", "a",
                              "-debugcon", f"file:{said}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: "R" in read(said), child)
    child.communicate(f'screendump "{dump}"\nquit\n'.encode(), timeout=LIMIT)
    return ppm(dump)


def picture_of(ringfold, folder, name, mode):
    guest = Guest(ringfold, folder, mode)
    try:
        report(guest.ready(), f"{name}: the guest draws", read(guest.said))
        viewer = Rfb(5900 + guest.display)
        end = time.monotonic() + 30
        viewer.update(incremental=False)
        while not any(viewer.pixels) and time.monotonic() < end:
            viewer.update()
        time.sleep(0.3)
        viewer.update(incremental=False)
        seen = viewer.width, viewer.height, viewer.rgb()
        viewer.close()
    finally:
        guest.stop()
    dumped = ppm(guest.dump)
    report(len(set(dumped[2])) > 2, f"{name}: there is something to see")
    report(not differences(seen, dumped), f"{name}: the viewer sees what -screendump writes", differences(seen, dumped))
    if shutil.which("qemu-system-i386"):
        theirs = qemu_screen(folder, mode)
        # Six bits of a colour become eight by other roundings.
        different = differences(dumped, theirs, 3 if mode in (3, 0x12, 0x13, 0x101) else 0)
        report(not different, f"{name}: it is QEMU's picture", different)


def keys_and_mouse(ringfold, folder):
    guest = Guest(ringfold, folder, 0x13, ",share=ignore")
    try:
        guest.ready()
        viewer = Rfb(5900 + guest.display)
        viewer.key(ord("a"))
        report(guest.heard("k1ek9e"), "a key", read(guest.said))
        viewer.key(0xff51)
        report(guest.heard("ke0k4bke0kcb"), "an arrow, with its E0", read(guest.said))
        viewer.key(0xffe1)
        viewer.key(ord("A"))
        report(guest.heard("k2akaak1ek9e"), "Shift and a capital", read(guest.said))
        viewer.pointer(10, 10)
        viewer.pointer(15, 12)
        report(guest.heard("m28m05mfem00"), "the mouse moves", read(guest.said))
        viewer.pointer(15, 12, 1)
        report(guest.heard("m09m00m00m00"), "a button", read(guest.said))
        viewer.pointer(15, 12, 0)
        viewer.pointer(15, 12, 16)
        report(guest.heard("m08m00m00m01"), "the wheel", read(guest.said))
        viewer.socket.sendall(b"\x04\x01\x00\x00" + ord("b").to_bytes(4, "big"))
        guest.heard("k30")
        viewer.close()
        report(guest.heard("kb0"), "a viewer that goes lets go of its keys", read(guest.said))
        wild = socket.create_connection(("127.0.0.1", 5900 + guest.display), 5)
        wild.sendall(os.urandom(4096))
        wild.close()
        again = Rfb(5900 + guest.display)
        again.key(ord("q"))
        report(guest.heard("k10k90"), "nonsense from another does not matter", read(guest.said))
        with socket.socket() as s:
            taken = subprocess.run([ringfold, "-m", "16", "-serial", "none", "-vnc", f":{guest.display}"],
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        report(taken.returncode == 1 and "another program has it" in taken.stderr, "a port that is taken is said",
               f"{taken.returncode} {taken.stderr}")
        again.close()
    finally:
        status = guest.stop()
    report(status == 128 + signal.SIGTERM, "it ends as it should", str(status))


def answer(word):
    # VNC's DES takes each byte of the key with its bits the other way round; three equal keys make 3DES DES.
    key = bytes(int(f"{b:08b}"[::-1], 2) for b in word.encode().ljust(8, b"\0"))
    return lambda challenge: subprocess.run(["openssl", "enc", "-des-ede3", "-nopad", "-K", (key * 3).hex()],
                                            input=challenge, stdout=subprocess.PIPE, check=True).stdout


def password(ringfold, folder):
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as f:
        f.write("sesame\n")

    guest = Guest(ringfold, folder, 3, f",password-file={secret}")
    try:
        guest.ready()
        for name, ask, allowed in (("without the password", None, False), ("with a wrong one", answer("open"), False),
                                   ("with the password", answer("sesame"), True)):
            try:
                Rfb(5900 + guest.display, ask).close()
                came_in = True
            except (PermissionError, ConnectionError):
                came_in = False
            report(came_in == allowed, f"a viewer {name} {'gets in' if allowed else 'stays out'}")
    finally:
        guest.stop()


def monitor_password(ringfold, folder):
    path = os.path.join(folder, "monitor")
    guest = Guest(ringfold, folder, 3, ",password=on", ("-monitor", f"unix:{path},server,nowait", "-qmp", f"unix:{path}-qmp,server,nowait"))

    def comes_in(word):
        try:
            Rfb(5900 + guest.display, answer(word)).close()
            return True
        except (PermissionError, ConnectionError):
            return False

    try:
        guest.ready()
        monitor = Hmp(path)
        command = monitor.run
        report(not comes_in(""), "password=on: nobody gets in before it is set")
        command("set_password vnc sesame")
        report(comes_in("sesame"), "set_password vnc")
        report(not comes_in("open"), "set_password vnc: another stays out")
        command("change vnc password open")
        report(comes_in("open") and not comes_in("sesame"), "change vnc password")
        command("change vnc password", prompt=b"Password: ")
        monitor.socket.sendall(b"asked\n")
        said = monitor._answer()
        report("*****" in said and "asked" not in said, "change vnc password asks, and shows stars", said)
        report(comes_in("asked") and not comes_in("open"), "and takes what it is told")
        report("paused" in command("info status") or "running" in command("info status"), "then commands go on")
        command("change vnc password open")
        said = command("set_password vnc ninechars")
        report("at most eight" in said and comes_in("open"), "one that is too long is refused", said)
        said = command("set_password spice x")
        report("SPICE is not in use" in said, "set_password spice", said)
        said = command("set_password vnc x disconnect")
        report("must be 'keep'" in said, "set_password vnc with disconnect", said)
        qmp = Qmp(f"{path}-qmp")
        qmp.must("qmp_capabilities")
        qmp.must("set_password", {"protocol": "vnc", "password": "sesame"})
        report(comes_in("sesame") and not comes_in("open"), "QMP: set_password")
        qmp.must("change-vnc-password", {"password": "open"})
        report(comes_in("open") and not comes_in("sesame"), "QMP: change-vnc-password")
        said = qmp.must("human-monitor-command", {"command-line": "change vnc password"})
        report("nobody can be asked" in str(said), "QMP has no one to ask", said)
        answer_of = qmp.run("set_password", {"protocol": "vnc", "password": "x", "connected": "fail"})
        report("must be 'keep'" in str(answer_of.get("error")), "QMP: set_password with connected=fail", str(answer_of))
        qmp.close()
    finally:
        guest.stop()


def main():
    ringfold = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        keys_and_mouse(ringfold, folder)
        password(ringfold, folder)
        monitor_password(ringfold, folder)
        for name, mode in MODES.items():
            picture_of(ringfold, folder, name, mode)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
