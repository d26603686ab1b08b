#!/usr/bin/env python3
"""Disks, CD-ROMs and floppies as guests see them: firmware boots from each, and Debian's own drivers write to an ext4
file system that survives the machine being killed.

usage: disks.py firmware|linux RINGFOLD GUEST_FOLDER
"""
import hashlib
import os
import subprocess
import sys
import tempfile

from console import Console, Problem

HERE = os.path.dirname(os.path.abspath(__file__))
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + why}", flush=True)
    failed += not good


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def firmware(ringfold, folder):
    """A boot sector of our own from every kind of drive."""
    sector = os.path.join(folder, "sector")
    run("nasm", "-f", "bin", "-o", sector, os.path.join(HERE, "boot_sector.asm"))
    code = open(sector, "rb").read()

    def image(name, size):
        path = os.path.join(folder, name)
        with open(path, "wb") as out:
            out.write(code)
            out.truncate(size)
        return path

    disk, floppy, big = image("disk", 8 << 20), image("floppy", 1440 << 10), image("big", 3 << 30)
    small = image("small", 360 << 10)
    qcow2, iso = os.path.join(folder, "disk.qcow2"), os.path.join(folder, "cd.iso")
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, qcow2)
    os.mkdir(os.path.join(folder, "cd"))
    os.link(sector, os.path.join(folder, "cd", "boot"))
    run("xorriso", "-as", "mkisofs", "-o", iso, "-b", "boot", "-no-emul-boot", "-boot-load-size", "4", os.path.join(folder, "cd"))
    again, other = os.path.join(folder, "again"), image("other", 8 << 20)
    run("nasm", "-DAGAIN", "-f", "bin", "-o", again, os.path.join(HERE, "boot_sector.asm"))
    os.truncate(again, 1440 << 10)
    with open(other, "r+b") as out:
        out.seek(512)
        out.write(b": another disk!")
    first_virtio = ["-drive", f"file={other},if=none,id=v,format=raw", "-device", "virtio-blk-pci,drive=v,bootindex=1"]
    second_ide = ["-drive", f"file={other},if=none,id=i,format=raw", "-device", "ide-hd,drive=i,bus=ide.1,unit=1,bootindex=0"]
    said = ": second sector\n"
    for name, options, wanted in [
            ("a disk", ["-hda", disk], "drive 80" + said),
            ("a disk of 3 GiB", ["-hda", big], "drive 80" + said),
            ("a qcow2 disk, as slave of the second channel", ["-hdd", qcow2], "drive 80" + said),
            ("a virtio disk", ["-drive", f"file={qcow2},if=virtio"], "drive 80" + said),
            ("a floppy", ["-fda", floppy, "-boot", "a"], "drive 00" + said),
            ("a floppy of 360 K", ["-fda", small, "-boot", "a"], "drive 00" + said),
            ("a CD-ROM", ["-cdrom", iso, "-boot", "d"], "drive e0" + said),
            ("a floppy before a disk", ["-fda", floppy, "-hda", disk, "-boot", "order=ac"], "drive 00" + said),
            ("a read-only disk", ["-drive", f"file={disk},readonly=on,format=raw"], "drive 80" + said),
            ("a floppy once, then a disk", ["-fda", again, "-hda", disk, "-boot", "order=c,once=a"], "drive 00" + said + "drive 80" + said),
            ("a virtio disk with bootindex=", ["-hda", disk, *first_virtio], "drive 80: another disk!\n"),
            ("an IDE disk with bootindex=", ["-hda", disk, *second_ide], "drive 80: another disk!\n")]:
        done = subprocess.run([ringfold, "-display", "none", "-serial", "none", "-debugcon", "stdio", "-m", "32",
                               "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *options],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, text=True, errors="replace")
        report((done.returncode, done.stdout) == (0x21, wanted), f"firmware boots from {name}", f"{done.returncode} {done.stdout!r} {done.stderr!r}")


class Guest:
    """Debian's kernel with the initrd that has the drivers."""

    def __init__(self, ringfold, guest, *options):
        self.console = Console([ringfold, "-kernel", os.path.join(guest, "vmlinuz-686"), "-initrd",
                                os.path.join(guest, "initrd-disks.gz"), "-append", "console=ttyS0", "-m", "256", "-nographic",
                                "-no-reboot", *options])
        self.console.expect("ringfold: shell ready", 300)
        self.console.expect("# ", 60)
        self.console.send("stty -echo; dmesg -n 1; exec env PS1='ready# ' sh\n")
        self.console.expect("\n", 60)
        self.console.expect("ready# ", 60)

    def ask(self, command):
        return self.console.ask(command)


def linux(ringfold, guest, folder):
    disk, cd, floppy = (os.path.join(folder, name) for name in ("disk", "cd.iso", "floppy"))
    run("qemu-img", "create", "-f", "raw", disk, "64M")
    run("mke2fs", "-q", "-t", "ext4", "-F", disk)
    qcow2 = disk + ".qcow2"
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, qcow2)
    virtio = disk + ".virtio"
    run("cp", disk, virtio)
    os.mkdir(os.path.join(folder, "files"))
    data = os.urandom(3 << 20)
    open(os.path.join(folder, "files", "data"), "wb").write(data)
    run("xorriso", "-as", "mkisofs", "-r", "-o", cd, os.path.join(folder, "files"))
    open(floppy, "wb").write(data[:1440 << 10])
    drives = ["-hda", disk, "-hdb", qcow2, "-cdrom", cd, "-fda", floppy, "-drive", f"file={virtio},if=virtio,format=raw"]

    first = Guest(ringfold, guest, *drives)
    try:
        size = first.ask("cat /sys/block/sda/size")
        report(size == "131072\n", "the disk has its size", size)
        sums = first.ask("mkdir /a /b /c /v; mount -t ext4 /dev/vda /v && mount -t ext4 /dev/sda /a && mount -t ext4 /dev/sdb /b && mount -t iso9660 /dev/sr0 /c; "
                         "sha256sum /c/data")
        report(hashlib.sha256(data).hexdigest() in sums, "the CD-ROM holds what it should", sums)
        fd = first.ask("sha256sum /dev/fd0")
        report(hashlib.sha256(data[:1440 << 10]).hexdigest() in fd, "the floppy holds what it should", fd)
        first.ask("cp /c/data /a/copy; cp /c/data /b/copy; cp /c/data /v/copy; sync; echo more > /a/lost")
        dma = first.ask("dmesg | grep 'PATA max MWDMA2.*bmdma'")
        report(dma.count("irq") == 2, "both channels have their bus masters", dma)
    finally:
        first.console.close()  # kills it: the power goes
    second = Guest(ringfold, guest, *drives)
    try:
        sums = second.ask("mkdir /a /b /v; mount -t ext4 /dev/sda /a; mount -t ext4 /dev/sdb /b; mount -t ext4 /dev/vda /v; "
                         "sha256sum /a/copy /b/copy /v/copy")
        report(sums.count(hashlib.sha256(data).hexdigest()) == 3, "what was synced is there after the power has gone", sums)
        second.ask("umount /a; umount /b; umount /v")
    finally:
        second.console.close()
    for name, image, kind in (("raw", disk, "raw"), ("qcow2", qcow2, "qcow2")):
        if kind == "qcow2":
            done = subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", image], capture_output=True, text=True)
            report(done.returncode == 0, "qemu-img finds the image in order", done.stdout + done.stderr)
    for name, image in (("IDE", disk), ("virtio", virtio)):
        done = subprocess.run(["e2fsck", "-f", "-n", image], capture_output=True, text=True)
        report(done.returncode == 0, f"e2fsck finds the {name} disk's file system in order", done.stdout + done.stderr)


def main():
    what, ringfold, guest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            if what == "firmware":
                firmware(ringfold, folder)
            else:
                linux(ringfold, guest, folder)
        except Problem as problem:
            report(False, what, str(problem))
    sys.exit(1 if failed else 0)


main()
