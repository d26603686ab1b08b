#!/usr/bin/env python3
"""Other people's systems, through firmware, to the point where they wait for their user, and a little further.

usage: systems.py grub|ipxe|debian RINGFOLD [DISK]

DISK: what guests/debian/make-image has made; it is copied first.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

from console import Console, Problem

LIMIT = 300
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + why}", flush=True)
    failed += not good


def screen_after(ringfold, folder, options, dialogue):
    """Holds the dialogue, of texts awaited and keys then typed, on a curses screen; returns the lines at the end."""
    os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
    dump = os.path.join(folder, "screen.txt")
    console = Console([ringfold, "-m", "128", "-display", "curses", "-screendump", dump, *options])
    try:
        for awaited, keys in dialogue:
            console.expect(awaited, LIMIT)
            time.sleep(0.5)
            for key in keys:  # a BIOS keeps fifteen
                console.send(key)
                time.sleep(0.2)
        time.sleep(2)
        os.kill(console.pid, signal.SIGTERM)
        console.wait(30)
        with open(dump) as f:
            return [line.rstrip() for line in f]
    finally:
        console.close()


def grub(ringfold, folder):
    """A rescue CD to its prompt."""
    iso = os.path.join(folder, "rescue.iso")
    subprocess.run(["grub-mkrescue", "-o", iso], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = screen_after(ringfold, folder, ["-cdrom", iso, "-boot", "d"], [("grub>", "echo it ${grub_platform}\r")])
    report(any("GNU GRUB" in line for line in lines) and "it pc" in lines, "GRUB's rescue CD answers at its prompt", "\n".join(lines))


def ipxe(ringfold, folder):
    """Debian's iPXE CD to its prompt."""
    lines = screen_after(ringfold, folder, ["-cdrom", "/usr/lib/ipxe/ipxe.iso", "-boot", "d"],
                         [("Ctrl-B", "\x02"), ("iPXE>", "echo it ${buildarch}\r")])
    report("it i386" in lines, "iPXE answers at its prompt", "\n".join(lines))


class Debian:
    def __init__(self, ringfold, disk):
        self.console = Console([ringfold, "-m", "256", "-hda", disk, "-display", "none", "-no-reboot"])
        self.console.expect("login: ", 900)
        self.console.send("root\n")
        self.console.expect("Password: ", 120)
        self.console.send("ringfold\n")
        self.console.expect("# ", 120)

    def ask(self, command):
        self.console.send(f'echo "<""<"; {command}; echo ">"">"\n')
        self.console.expect("<<\n", 120)
        return self.console.expect(">>", 120).removesuffix(">>")

    def power_off(self):
        self.console.send("systemctl poweroff\n")
        return self.console.wait(180)


def debian(ringfold, folder, disk):
    """A whole Debian from a disk: what it writes survives its power-off."""
    copy = os.path.join(folder, "disk.img")
    subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
    for turn in ("first", "second"):
        guest = Debian(ringfold, copy)
        try:
            report(True, f"the {turn} boot comes to the shell")
            if turn == "first":
                guest.ask("echo still there >/root/kept")
                release = guest.ask("cat /etc/debian_version; systemctl is-system-running --wait")
                report(release.startswith("12.") and "running" in release, "systemd finds all its units in order", release)
            else:
                kept = guest.ask("cat /root/kept")
                report(kept == "still there\n", "the file is there", kept)
            status = guest.power_off()
            report(status == 0, "power-off by ACPI ends it with status 0", str(status))
        finally:
            guest.console.close()
    done = subprocess.run(["e2fsck", "-f", "-n", f"{copy}?offset=1048576"], capture_output=True, text=True)
    report(done.returncode == 0, "e2fsck finds the file system in order", done.stdout + done.stderr)


def main():
    what, ringfold, *disk = sys.argv[1:]
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory() as folder:
        try:
            {"grub": grub, "ipxe": ipxe, "debian": debian}[what](ringfold, folder, *disk)
        except Problem as problem:
            report(False, what, str(problem)[-2000:])
    sys.exit(failed > 0)


main()
