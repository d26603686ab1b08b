#!/usr/bin/env python3
"""Disks whose host file system is full, under werror=: the machine stops, says so, and goes on; serial numbers as a guest sees
them; a floppy that is changed for its own file.

usage: disk_errors.py RINGFOLD GUEST_FOLDER
Ends with status 77 where it may not mount.
"""
import os
import subprocess
import sys
import tempfile
import time

import monitor
import mount_namespace
from console import Problem
from monitor import Guest

MIB = 1 << 20


def mount_small(at):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", at], capture_output=True).returncode == 0


def fill(small, leave):
    """A file that leaves so much room there."""
    room = os.statvfs(small)
    with open(os.path.join(small, "filler"), "wb") as f:
        f.write(bytes(room.f_bavail * room.f_bsize - leave))


def full_disk(g, small, qcow2):
    report = monitor.report
    what = "qcow2" if qcow2 else "raw"
    device, id = ("/dev/vda", "q") if qcow2 else ("/dev/sda", "ide0-hd0")
    fill(small, 2 * MIB)
    g.console.send(f"dd if=/dev/zero bs=1M count=1 of=/dev/null; tr '\\0' R </dev/zero | dd of={device} bs=1M count=8 iflag=fullblock conv=fsync; echo status $?\n")
    event = g.qmp.wait_event("BLOCK_IO_ERROR")["data"]
    report(event == {"device": id, "operation": "write", "action": "stop", "nospace": True, "reason": "No space left on device"},
           f"{what}: BLOCK_IO_ERROR", event)
    g.qmp.wait_event("STOP")
    status = g.qmp.must("query-status")
    report((status["running"], status["status"]) == (False, "io-error"), f"{what}: the machine is stopped", status)
    report(g.hmp.run("info status") == "VM status: paused (io-error)\n", f"{what}: info status")
    io_status = {d["device"]: d["io-status"] for d in g.qmp.must("query-block")}[id]
    report(io_status == "nospace", f"{what}: query-block's io-status", io_status)
    answer = g.hmp.run("eject floppy0")
    report("waits to be tried again" in answer, f"{what}: nothing is ejected meanwhile", answer)
    report("snapshot" in g.hmp.run("info snapshots"), f"{what}: info snapshots does not wait")
    g.qmp.must("cont")
    g.qmp.wait_event("BLOCK_IO_ERROR")
    g.qmp.wait_event("STOP")
    report(True, f"{what}: cont tries again")
    os.remove(os.path.join(small, "filler"))
    while g.qmp.must("query-status")["status"] == "io-error":
        g.qmp.must("cont")
        time.sleep(0.5)
    g.console.expect("status 0\n", 120)
    g.console.expect("ready# ", 60)
    sums = g.console.ask(f"dd if={device} bs=1M count=8 2>/dev/null | md5sum").split()[0]
    expected = subprocess.run(f"head -c {8 * MIB} /dev/zero | tr '\\0' R | md5sum", shell=True, capture_output=True, text=True).stdout.split()[0]
    report(sums == expected, f"{what}: and the guest has noticed nothing", sums)


def main():
    ringfold, guest = sys.argv[1:]
    mount_namespace.enter()
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small")
        os.mkdir(small)
        if not mount_small(small):
            print("1..0 # SKIP no mount: this takes root")
            return mount_namespace.SKIPPED
        raw, qcow2, floppy = (os.path.join(small, name) for name in ("raw", "qcow2", "floppy"))
        for path, size in ((raw, 64 * MIB), (floppy, 1440 << 10)):
            open(path, "wb").close()
            os.truncate(path, size)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", qcow2, "64M"], check=True)
        g = Guest(ringfold, guest, folder, "-drive", f"file={raw},format=raw,werror=stop,serial=RAW 1", "-drive",
                  f"file={qcow2},if=none,id=q", "-device", "virtio-blk-pci,drive=q,serial=VIRT2,werror=stop", "-drive",
                  f"file={floppy},if=floppy,format=raw")
        try:
            monitor.report(g.console.ask("cat /sys/block/vda/serial").strip() == "VIRT2", "virtio's serial number")
            monitor.report("RAW 1" in g.console.ask("cat /sys/block/sda/device/vpd_pg80"), "IDE's serial number")
            full_disk(g, small, False)
            answer = g.hmp.run(f"change floppy0 {floppy}")
            monitor.report(answer == "", "a floppy is changed for its own file", answer)
            answer = g.hmp.run(f"change floppy0 {raw}")
            monitor.report(answer != "", "but not for another drive's", answer)
            os.truncate(raw, 0)
            full_disk(g, small, True)
            g.qmp.must("quit")
            g.console.wait(30)
        except Problem as problem:
            monitor.report(False, "disk errors", problem)
        finally:
            g.console.close()
        done = subprocess.run(["qemu-img", "check", "-q", qcow2], capture_output=True)
        subprocess.run(["umount", small], check=True)
        monitor.report(done.returncode == 0, "qemu-img finds nothing wrong", done.stdout)
    return monitor.failed != 0


if __name__ == "__main__":
    sys.exit(main())
