#!/usr/bin/env python3
"""The monitor and QMP: their forms against QEMU's, a booted Linux driven by both, the machine saved and restored while it
works, damaged snapshots, and peers that misbehave.

usage: monitor.py forms|linux|snapshots|peers RINGFOLD GUEST_FOLDER
"""
import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from console import Console, Problem
from monitor_client import Hmp, Qmp, connect

failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + str(why)[:2000]}", flush=True)
    failed += not good


class Emulator:
    """Ringfold or QEMU with a monitor and QMP on sockets."""

    def __init__(self, program, folder, name, *options, qemu=False):
        self.hmp_path, self.qmp_path = (os.path.join(folder, f"{name}.{kind}") for kind in ("hmp", "qmp"))
        self.command = [program, "-m", "64", "-display", "none", "-monitor", f"unix:{self.hmp_path},server,nowait", "-qmp",
                        f"unix:{self.qmp_path},server,nowait", *options]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.qmp = Qmp(self.qmp_path)
        self.hmp = Hmp(self.hmp_path)

    def close(self):
        self.process.kill()
        self.process.wait()


def shape(value):
    """What a JSON value is made of, without what it says."""
    if isinstance(value, dict):
        return {key: shape(v) for key, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def forms(ringfold, folder):
    """The same dialogue with both, before the first instruction: what comes back has the same form, often the same text."""
    cd = os.path.join(folder, "cd.iso")
    open(cd, "wb").write(bytes(64 << 10))
    options = ["-nodefaults", "-machine", "pc", "-vga", "std", "-S", "-name", "forms", "-cdrom", cd]
    ours = Emulator(ringfold, folder, "ours", *options)
    theirs = Emulator("qemu-system-i386", folder, "theirs", *options)
    try:
        both = lambda command, arguments=None: tuple(e.qmp.run(command, arguments) for e in (ours, theirs))
        report(shape(ours.qmp.greeting["QMP"]["version"]) == shape(theirs.qmp.greeting["QMP"]["version"]), "QMP's greeting",
               ours.qmp.greeting)
        for command, arguments in [
                ("query-status", None), ("qmp_capabilities", None), ("qmp_capabilities", None), ("query-status", None),
                ("query-name", None), ("no-such-command", None), ("screendump", {}),
                ("screendump", {"filename": 5}), ("stop", {"now": True}), ("eject", {"device": "no-such-device"}),
                ("human-monitor-command", {"command-line": "info status"}),
                ("human-monitor-command", {"command-line": "no-such-command"}),
                ("send-key", {"keys": [{"type": "qcode", "data": "a"}]}), ("system_powerdown", None)]:
            a, b = both(command, arguments)
            report(a == b, f"QMP {command} {json.dumps(arguments)}", f"{a} instead of {b}")
        for command, arguments in [("query-version", None), ("query-kvm", None), ("query-commands", None),
                                   ("send-key", {"keys": [{"type": "qcode", "data": "no-such-key"}]})]:
            a, b = both(command, arguments)
            report(shape(a) == shape(b), f"QMP {command}: its form", f"{a} instead of {b}")
        a, b = ({d["device"]: shape(d) for d in e.qmp.must("query-block")}["ide1-cd0"] for e in (ours, theirs))
        report(set(a) <= set(b) and set(a["inserted"]) <= set(b["inserted"]), "QMP query-block: QEMU's members", f"{a} and {b}")
        for text in ('{"execute":\n"query-status"}', '{"execute": "query-status", "id": {"a": [1, "}"]}}'):
            for e in (ours, theirs):
                e.qmp.send(text)
            a, b = ours.qmp.answer(), theirs.qmp.answer()
            report(a == b, f"QMP {text!r}", f"{a} instead of {b}")

        for command in ["info status", "info name", "x 0xffffffff", "xp /8xb 0xffff0", "xp /4dh 0xffff0", "xp /3xg 0xfffe8",
                        "xp /2uw 0xfffe0", "xp /2oh 0xffff0", "xp /3c 0xffff0", "xp /3i 0xffff0", "print 1+2*3", "p 0x10-1",
                        "p (1+2)*-1", "no-such-command", "info no-such-thing", "info mem", "info tlb", "sendkey no-such-key",
                        "sendkey ctrl-alt-delete", "eject no-such-device", "stop", "eject ide1-cd0", "info snapshots"]:
            a, b = ours.hmp.run(command), theirs.hmp.run(command)
            report(a == b, f"monitor: {command}", f"{a!r} instead of {b!r}")
        numbers = lambda text: re.sub("[0-9a-f]{2,}|[0-9]", "N", text)
        a, b = ours.hmp.run("info registers"), theirs.hmp.run("info registers")
        report(numbers(a) == numbers(b), "monitor: info registers: its form", f"{a} instead of {b}")
        a, b = ours.hmp.run("info pic"), theirs.hmp.run("info pic")
        report(numbers(a) == numbers(b), "monitor: info pic: its form", f"{a} instead of {b}")
        # QEMU's display has another range, and no firmware has run that sets the PIIX's interrupt.
        a, b = (re.sub(" +(BAR2:|IRQ).*\n", "", e.hmp.run("info pci")) for e in (ours, theirs))
        report(a == b and "VGA" in a, "monitor: info pci", f"{a} instead of {b}")
        a, b = (re.sub("LVT0.*\n", "", e.hmp.run("info lapic")) for e in (ours, theirs))  # QEMU's needs firmware
        report(numbers(a) == numbers(b), "monitor: info lapic: its form", f"{a} instead of {b}")
        for e in (ours, theirs):
            e.qmp.must("cont")
            e.qmp.must("stop")
            e.qmp.must("system_reset")
            e.qmp.must("quit")
            e.qmp.events += [e.qmp.wait_event("SHUTDOWN")]
        a, b = ([(event["event"], shape(event)) for event in e.qmp.events] for e in (ours, theirs))
        report([name for name, _ in a if name != "RESET"] == [name for name, _ in b if name != "RESET"],
               "the same events", f"{a} instead of {b}")
        report(dict(a)["SHUTDOWN"] == dict(b)["SHUTDOWN"], "SHUTDOWN has QEMU's form", f"{a} instead of {b}")
        report(ours.process.wait(20) == 0, "quit ends it with status 0")
    finally:
        ours.close()
        theirs.close()


class Guest:
    """Debian on the board, with its serial port here and a monitor and QMP on sockets."""

    def __init__(self, ringfold, guest, folder, *options, wait=True):
        self.folder = folder
        paths = [os.path.join(folder, name) for name in ("hmp", "qmp")]
        self.console = Console([ringfold, "-kernel", os.path.join(guest, "vmlinuz-686"), "-initrd",
                                os.path.join(guest, "initrd-disks.gz"), "-append", "console=ttyS0", "-m", "128", "-machine", "pc",
                                "-display", "none", "-serial", "stdio", "-monitor", f"unix:{paths[0]},server,nowait", "-qmp",
                                f"unix:{paths[1]},server,nowait", *options])
        if wait:
            self.console.expect("ringfold: shell ready", 300)
            self.console.expect("# ", 60)
            self.console.send("stty -echo; dmesg -n 1; exec env PS1='ready# ' sh\n")
            self.console.expect("\n", 60)
            self.console.expect("ready# ", 60)
        self.qmp = Qmp(paths[1])
        self.qmp.must("qmp_capabilities")
        self.hmp = Hmp(paths[0])

    def ask(self, command):
        return self.console.ask(command)


def linux(ringfold, guest, folder):
    """A booted Linux, driven."""
    g = Guest(ringfold, guest, folder, "-no-shutdown", "-cdrom", _disc(folder, "one", b"1"))
    try:
        before = float(g.ask("cut -d' ' -f1 /proc/uptime"))
        g.hmp.run("stop")
        report(g.qmp.must("query-status") == {"running": False, "singlestep": False, "status": "paused"}, "stopped")
        g.console.send('echo "<""<"; cut -d" " -f1 /proc/uptime; echo ">"">"\n')
        time.sleep(5)
        registers = [g.hmp.run("info registers") for _ in range(2)]
        report(registers[0] == registers[1], "a stopped CPU stands still", registers)
        report(">>" not in g.console.text[g.console.seen:], "a stopped guest answers nothing")
        g.qmp.must("cont")
        g.console.expect("<<\n", 60)
        after = float(g.console.expect(">>", 60))
        g.console.expect("ready# ", 60)
        report(before <= after < before + 4, "its time stood still too", f"{before} and then {after}")

        eip = int(re.search("EIP=([0-9a-f]+)", g.hmp.run("info registers"))[1], 16)
        code = g.hmp.run(f"x /4xb {eip:#x}")
        pages = re.findall("([0-9a-f]{16}): ([0-9a-f]{16}) ..(.)", g.hmp.run("info tlb"))
        page = next((int(p, 16) + eip - int(v, 16) for v, p, large in pages
                     if 0 <= eip - int(v, 16) < (4 << 20 if large == "P" else 4096)), None)
        report(page is not None and g.hmp.run(f"xp /4xb {page:#x}").split(":")[1] == code.split(":")[1],
               "x and xp show the same code through info tlb", code)

        dump = os.path.join(folder, "memory")
        g.qmp.must("pmemsave", {"val": 0x100000, "size": 1 << 20, "filename": dump})
        first = struct.unpack("<4I", open(dump, "rb").read(16))
        shown = [int(n, 16) for n in g.hmp.run("xp /4xw 0x100000").split(":")[1].split()]
        report(os.path.getsize(dump) == 1 << 20 and list(first) == shown, "pmemsave saves what xp shows")

        for picture, arguments, magic in [("a.ppm", {}, b"P6\n"), ("a.png", {"format": "png"}, b"\x89PNG")]:
            path = os.path.join(folder, picture)
            g.qmp.must("screendump", {"filename": path, **arguments})
            report(open(path, "rb").read(4).startswith(magic), f"screendump {picture}")

        listen = "dd if=/dev/input/event0 bs=16 count=6 2>/dev/null | od -An -tx1 -v"
        if "event0" in g.ask("ls /dev/input 2>/dev/null"):
            g.console.send(f'{listen}; echo ">"">"\n')
            time.sleep(1)
            g.hmp.run("sendkey a")
            keys = g.console.expect(">>", 60)
            report("01 00 1e 00 01" in keys and "01 00 1e 00 00" in keys, "sendkey presses and releases a key", keys)
            g.console.expect("ready# ", 60)
        irq = lambda: int(re.search("1: *([0-9]+)", g.ask("grep i8042 /proc/interrupts | head -1"))[1])
        count = irq()
        g.qmp.must("send-key", {"keys": [{"type": "qcode", "data": "shift"}, {"type": "qcode", "data": "b"}]})
        time.sleep(1)
        report(irq() >= count + 4, "send-key: two keys down and up are four interrupts and more", count)

        size = lambda: g.ask("mount -t iso9660 /dev/sr0 /mnt && cat /mnt/file; umount /mnt").strip()
        g.ask("mkdir -p /mnt")
        report(size() == "1", "the CD-ROM is read")
        g.qmp.must("blockdev-change-medium", {"device": "ide1-cd0", "filename": _disc(folder, "two", b"2")})
        tray = g.qmp.wait_event("DEVICE_TRAY_MOVED"), g.qmp.wait_event("DEVICE_TRAY_MOVED")
        report([event["data"]["tray-open"] for event in tray] == [True, False], "the tray opens and closes", tray)
        report(size() == "2", "another CD-ROM is read", g.hmp.run("info block"))
        g.hmp.run("eject ide1-cd0")
        report("[not inserted]" in g.hmp.run("info block"), "and ejected")

        g.qmp.must("system_reset")
        report(g.qmp.wait_event("RESET")["data"] == {"guest": False, "reason": "host-qmp-system-reset"}, "system_reset")
        g.console.expect("ringfold: shell ready", 300)
        g.console.expect("# ", 60)
        report(True, "it boots again")
        g.qmp.must("system_powerdown")
        g.qmp.wait_event("POWERDOWN")
        g.console.send("poweroff -f\n")
        event = g.qmp.wait_event("SHUTDOWN", 120)
        report(event["data"] == {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN tells who did it", event)
        report(g.qmp.must("query-status")["status"] == "shutdown", "-no-shutdown keeps it")
        g.hmp.socket.sendall(b"quit\n")
        report(g.console.wait(20) == 0, "quit")
    finally:
        g.console.close()


def _disc(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    open(os.path.join(path, "file"), "wb").write(text)
    subprocess.run(["xorriso", "-as", "mkisofs", "-r", "-o", path + ".iso", path], check=True, stderr=subprocess.DEVNULL)
    return path + ".iso"


# Counts in memory and on the disk all the time, and knows the sum of a file of random bytes in memory.
WORK = ("mke2fs -q /dev/sda; mkdir -p /d; mount -t ext2 /dev/sda /d; head -c 8000000 /dev/urandom > /tmp/random; "
        "sha256sum < /tmp/random > /tmp/sum; "
        "(n=0; while :; do n=$((n+1)); echo $n > /tmp/m; mv /tmp/m /tmp/n; dd if=/tmp/random of=/d/f$((n%9)) bs=64k count=40 2>/dev/null; "
        "sync; echo $n > /tmp/done; done) & true")


def snapshots(ringfold, guest, folder):
    """Saved and restored with disk writes under way, in the image and across processes; damaged ones are refused."""
    disk = os.path.join(folder, "disk.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    raw = os.path.join(folder, "raw")
    subprocess.run(["qemu-img", "create", "-q", "-f", "raw", raw, "64M"], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", raw], check=True)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk], check=True)
    work = WORK.replace("mke2fs -q /dev/sda; ", "").replace("ext2", "ext4")
    g = Guest(ringfold, guest, folder, "-hda", disk)
    try:
        g.ask(work)
        time.sleep(3)
        saved = []
        for n in range(3):
            counted = int(g.ask("cat /tmp/n"))
            problem = g.hmp.run(f"savevm s{n}")
            report(problem == "", f"savevm s{n} while the disk is written", problem)
            saved.append(counted)
            time.sleep(1)
        listed = g.hmp.run("info snapshots")
        report(all(f"s{n} " in listed for n in range(3)), "info snapshots lists them", listed)
        for n in (0, 2, 1, 0):
            problem = g.hmp.run(f"loadvm s{n}")
            report(problem == "", f"loadvm s{n}", problem)
            counted = int(g.ask("cat /tmp/n"))
            later = saved[n + 1] if n < 2 else 1 << 30
            report(saved[n] <= counted <= max(later, saved[n] + 60), "the guest counts on from there", f"{saved}, {counted}")
            report("OK" in g.ask("[ \"$(sha256sum < /tmp/random)\" = \"$(cat /tmp/sum)\" ] && echo OK"), "its memory is as it was")
            time.sleep(1)
            report(int(g.ask("cat /tmp/done")) > counted - 2, "and its disk goes on")
            ticks = [int(g.ask("awk '/LOC:/ {print $2}' /proc/interrupts; sleep 0.2").split()[0]) for _ in range(2)]
            report(ticks[1] > ticks[0], "and so does the local APIC's timer", ticks)
        report("rror" in g.hmp.run("loadvm nothing"), "a snapshot that is not there is refused")
        report(g.hmp.run("delvm s1") == "", "delvm")
        g.ask("kill %1; kill $(jobs -p) 2>/dev/null; sync; umount /d")
        messages = g.ask("dmesg | grep -i -E 'ext4.*error|ata.*(exception|failed|timeout)'")
        report(messages.strip() == "", "no driver complains", messages)
        g.hmp.run("savevm end")
        g.qmp.must("quit")
        report(g.console.wait(20) == 0, "quit")
    finally:
        g.console.close()
    check = subprocess.run(["qemu-img", "check", disk], capture_output=True, text=True)
    report(check.returncode == 0, "qemu-img finds the image in order", check.stdout + check.stderr)
    listed = subprocess.run(["qemu-img", "snapshot", "-l", disk], capture_output=True, text=True).stdout
    report(re.findall(r"\b(s0|s2|end)\b", listed) == ["s0", "s2", "end"] and "s1" not in listed, "qemu-img lists them", listed)

    g = Guest(ringfold, guest, folder, "-hda", disk, "-loadvm", "s2", wait=False)
    try:
        g.console.send("\n")
        g.console.expect("ready# ", 60)
        report(int(g.ask("cat /tmp/n")) >= saved[2], "-loadvm goes on in another process")
        report("OK" in g.ask("[ \"$(sha256sum < /tmp/random)\" = \"$(cat /tmp/sum)\" ] && echo OK"), "with its memory as it was")
        g.qmp.must("quit")
    finally:
        g.console.close()
    files(ringfold, guest, folder)


def files(ringfold, guest, folder):
    """Snapshots in files: of a machine without disks."""
    path = os.path.join(folder, "state.rf")
    g = Guest(ringfold, guest, folder)
    try:
        g.ask("head -c 2000000 /dev/urandom > /tmp/random; sha256sum < /tmp/random > /tmp/sum")
        report(g.hmp.run(f"savevm {path}") == "", "savevm into a file")
        good = open(path, "rb").read()
        made = random.Random(12)
        bad = os.path.join(folder, "bad.rf")
        refused = 0
        for n in range(60):
            data = bytearray(good)
            kind = n % 4
            if kind == 0:
                data = data[:made.randrange(len(data))]
            elif kind == 1:
                data[made.randrange(len(data))] ^= 1 << made.randrange(8)
            elif kind == 2:  # with a good checksum: what is inside must be found out
                data[made.randrange(8, 3000)] ^= 1 << made.randrange(8)
                data[-4:] = struct.pack("<I", zlib.crc32(data[:-4]))
            else:
                data[8:12] = struct.pack("<I", made.randrange(2, 1 << 32))
                data[-4:] = struct.pack("<I", zlib.crc32(data[:-4]))
            open(bad, "wb").write(data)
            answer = g.hmp.run(f"loadvm {bad}")
            one_line = answer.count("\n") == 1 and answer.startswith("Error: ")
            refused += one_line
            if not one_line and kind != 2:
                report(False, f"damaged snapshot {n} is refused in one line", answer)
            if kind == 2 and not one_line:  # a state that could be: go back to the good one
                g.hmp.run(f"loadvm {path}")
        report(refused >= 45, "damaged snapshots are refused", refused)
        for path_of_none in (f"{folder}/", "/dev/zero", "/dev/stdin"):
            answer = g.hmp.run(f"loadvm {path_of_none}")
            report(answer.count("\n") == 1 and "it is not a file" in answer, f"{path_of_none} is no snapshot", answer)
        g.hmp.run(f"loadvm {path}")
        report("OK" in g.ask("[ \"$(sha256sum < /tmp/random)\" = \"$(cat /tmp/sum)\" ] && echo OK"), "the machine is as it was")
        g.qmp.must("quit")
    finally:
        g.console.close()
    for name, options in [("other memory", ["-m", "64"]), ("another board", ["-vga", "none"])]:
        done = subprocess.run([ringfold, "-kernel", os.path.join(guest, "vmlinuz-686"), "-m", "128", "-machine", "pc", "-display",
                               "none", "-serial", "none", "-loadvm", path, *options], capture_output=True, text=True, timeout=60)
        report(done.returncode == 1 and done.stderr.count("\n") == 1, f"-loadvm into {name}: one line, status 1", done.stderr)


def peers(ringfold, guest, folder):
    """Peers that flood, hang, talk nonsense or go away: the guest works on, and the next one is served."""
    g = Guest(ringfold, guest, folder)
    try:
        def timed():
            begin = time.monotonic()
            g.ask("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
            return int(1000 * (time.monotonic() - begin))

        quiet = min(timed() for _ in range(2))
        g.hmp.socket.sendall(b"info tlb\n" * 5000)  # and never reads
        time.sleep(1)
        flooded = timed()
        report(flooded < 12 * quiet + 3000, "a flood does not stall the guest", f"{quiet} ms, then {flooded} ms")
        g.hmp.socket.close()
        made = random.Random(5)
        for n in range(30):
            with connect(os.path.join(folder, "hmp")) as s:
                s.sendall(made.randbytes(made.randrange(1, 3000)).replace(b"q", b"_"))
        hmp = Hmp(os.path.join(folder, "hmp"))
        report("running" in hmp.run("info status"), "behind nonsense the monitor is there")
        g.qmp.close()
        for text in (b"{" * 100_000, b"[" * 100_000, b'"' * 5000, b"{}{}{}\n", b'{"execute": 5}', b'{"a":' * 2000, b"\x00\xff" * 100,
                     b'{"execute": "stop", "arguments": 7}', b"\n" * 1000, b"nonsense\n" * 200):
            with connect(os.path.join(folder, "qmp")) as s:
                try:
                    s.sendall(text)
                except OSError:
                    pass
        qmp = Qmp(os.path.join(folder, "qmp"))
        qmp.must("qmp_capabilities")
        report(qmp.must("query-status")["running"], "behind nonsense QMP is there")
        qmp.send("nonsense\n")
        report(qmp.answer()["error"]["class"] == "GenericError", "nonsense is answered by an error")
        for line in ["sendkey", "sendkey a-", "x", "x /99999999x 0", "x /q 0", "p (((", "p 1/0", "p $nothing", "savevm", "change",
                     "change a", "screendump", "screendump /no/such/folder/a", "pmemsave 0", "pmemsave 0 99999999999 /dev/null",
                     "mouse_move", "savevm x", "loadvm x", "loadvm /no/such/file", "help nothing", "p " + "(" * 5000]:
            answer = hmp.run(line)
            report(answer.count("\n") <= 1, f"monitor: {line[:40]}: at most one line", answer)
        g.ask("true")
        qmp.must("quit")
        report(g.console.wait(20) == 0, "quit")
    finally:
        g.console.close()


def main():
    what, ringfold, guest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            if what == "forms":
                forms(ringfold, folder)
            else:
                {"linux": linux, "snapshots": snapshots, "peers": peers}[what](ringfold, guest, folder)
        except Problem as problem:
            report(False, what, str(problem))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
