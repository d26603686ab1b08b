#!/usr/bin/env python3
"""Bad options and files: one line that names the culprit, exit status 1, and never a crash.

usage: bad_input.py RINGFOLD
"""
import fcntl
import os
import random
import resource
import sys
import tempfile

import multiboot
from refusals import Refusals

refusals = Refusals(sys.argv[1])
refuses = refusals.refuses


def bzimage(payload):
    """A setup header that is right, before a payload that is not code."""
    data = bytearray(1024)
    data[0x1F1] = 1
    data[0x1FE:0x200] = b"\x55\xaa"
    data[0x201] = 0x6A
    data[0x202:0x206] = b"HdrS"
    data[0x206:0x208] = b"\x0f\x02"
    data[0x211] = 1
    data[0x22C:0x230] = (0x37FFFFFF).to_bytes(4, "little")
    data[0x238:0x23C] = (2047).to_bytes(4, "little")
    data[0x258:0x260] = (0x1000000).to_bytes(8, "little")
    data[0x260:0x264] = (0x400000).to_bytes(4, "little")
    return bytes(data) + payload


def main():
    with tempfile.TemporaryDirectory() as folder:
        def file(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as out:
                out.write(data)
            return path

        good = multiboot.write(os.path.join(folder, "good"), multiboot.HALT)
        linux = file("linux", bzimage(bytes(4096)))
        empty, missing = file("empty", b""), os.path.join(folder, "missing")

        refuses("a VNC password without end", ["-vnc", ":77,password-file=/dev/zero"], "-vnc password-file=/dev/zero")
        refuses("no kernel for a bare machine", ["-machine", "bare"], "-kernel")
        for name, path in (("missing", missing), ("empty", empty), ("a folder", folder)):
            refuses(f"firmware: {name}", ["-bios", path], f"-bios {path}: ")
        refuses("firmware: odd size", ["-bios", file("odd", bytes(65537))], "64 KiB")
        refuses("firmware: too large", ["-bios", file("large", bytes((16 << 20) + 65536))], "-bios ")
        refuses("curses without a terminal", ["-display", "curses"], "-display curses: ", "terminal")
        refuses("a screenshot of nothing", ["-kernel", good, "-screendump", "x"], "-screendump: ", "-vga std")
        for name, path in (("missing", missing), ("empty", empty), ("a folder", folder)):
            refuses(f"kernel: {name}", ["-kernel", path], f"-kernel {path}: ")
            refuses(f"initrd: {name}", ["-kernel", linux, "-initrd", path], f"-initrd {path}: ")
            refuses(f"module: {name}", ["-kernel", good, "-initrd", path], f"-initrd {path}: ")
        unreadable = file("unreadable", b"x")
        os.chmod(unreadable, 0)
        if os.getuid() != 0:
            refuses("kernel: unreadable", ["-kernel", unreadable], unreadable, "Permission")

        whole = bzimage(bytes(4096))
        for size in (1, 100, 511, 512, 530, 600, 1023, 1024):
            refuses(f"kernel: truncated to {size}", ["-kernel", file("cut", whole[:size])], "cut: ")
        for seed in range(40):
            noise = random.Random(seed).randbytes(random.Random(seed).randint(1, 70000))
            refuses(f"kernel: random bytes, seed {seed}", ["-kernel", file("noise", noise)], "noise: ")

        refuses("initrd that does not fit", ["-kernel", linux, "-m", "24", "-initrd", file("big", bytes(5 << 20))], "-initrd", "big", "-m")
        refuses("initrd larger than memory", ["-kernel", linux, "-m", "24", "-initrd", file("huge", bytes(30 << 20))], "-initrd", "huge", "-m")
        refuses("module that does not fit", ["-kernel", good, "-m", "4", "-initrd", file("m", bytes(3 << 20))], "-initrd", "m: ", "-m")
        refuses("kernel larger than memory", ["-kernel", file("k", whole + bytes(9 << 20)), "-m", "8"], "-kernel", "-m")
        refuses("too little memory for the kernel", ["-kernel", linux, "-m", "8"], "-kernel", "-m")
        for size in ("0", "4G", "4096", "5000M", "100G", "1T", "999999999999999999999G", "-1", "x", "1K", ""):
            refuses(f"memory size '{size}'", ["-kernel", good, "-m", size], "-m ", "256M")
        refuses("more memory than the host gives", ["-kernel", good, "-m", "3G"], "-m", "3072",
                limits=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))

        for name, path in (("missing", missing), ("a file", empty), ("a device", "/dev/null")):
            refuses(f"-mem-path: {name}", ["-kernel", good, "-mem-path", path], f"-mem-path {path}: ")

        for arguments in (["-accel", "kvm"], ["-engine", "x"], ["-engine", "windows,hole=32M"], ["-engine", "segments,hole=x"],
                          ["-engine", "segments,hole=31M"], ["-engine", "segments,hole=33000K"], ["-engine", "segments,hole=2G"],
                          ["-engine", "segments,size=1"], ["-user", "x"], ["-user", "direct"], ["-user", "direct", "-engine", "windows"],
                          ["-serial", "pipe"], ["-display", "sdl"], ["-device", "e1000"],
                          ["-device", "isa-debug-exit,iobase=70000"], ["-debugcon", "x"], ["-d", "nonsense"]):
            refuses(" ".join(arguments), ["-kernel", good, *arguments], arguments[0])
        refuses("a port that is taken", ["-kernel", good, "-accel", "interp", "-device", "isa-debug-exit,iobase=0x40"], "-device", "iobase")
        for option, value in (("-D", f"{folder}/no/log"), ("-stats", f"{folder}/no/stats"), ("-serial", f"file:{folder}/no/out"), ("-debugcon", f"file:{folder}/no/out")):
            refuses(f"{option} that cannot be written", ["-kernel", good, option, value], option, folder)
        for name, path in (("missing", missing), ("empty", empty), ("a folder", folder)):
            for option in ("-hda", "-cdrom", "-fda"):
                refuses(f"{option}: {name}", ["-kernel", good, option, path], f"{option} {path}: ")
            refuses(f"-drive: {name}", ["-kernel", good, "-drive", f"file={path},if=virtio"], f"-drive file={path},if=virtio: ")
        disk = file("disk", bytes(1 << 20))
        for word, part in (("format=vmdk", "vmdk"), ("format=qcow2", "disk"), ("if=scsi", "if=scsi"), ("media=tape", "media=tape"),
                           ("index=9", "index"), ("readonly=perhaps", "readonly"), ("snapshot=x", "snapshot"), ("size=5", "size")):
            refuses(f"-drive with {word}", ["-kernel", good, "-drive", f"file={disk},{word}"], f"-drive file={disk},{word}: ", part)
        refuses("-drive: a floppy that is none", ["-kernel", good, "-fda", file("large floppy", bytes(4 << 20))], "-fda ", "-hda")
        refuses("-drive: the same image twice", ["-kernel", good, "-hda", disk, "-hdb", disk], f"-hdb {disk}: ")
        with open(disk, "r+b") as held:  # as a QEMU that writes it does
            for byte in (101, 201):
                fcntl.lockf(held, fcntl.LOCK_SH, 1, byte)
            refuses("-drive: an image that is in use", ["-kernel", good, "-hda", disk], f"-hda {disk}: ")
            refuses("-drive: read-only, in use", ["-kernel", good, "-drive", f"file={disk},readonly=on"], f"-drive file={disk},readonly=on: ")
        refuses("unknown option", ["-kernel", good, "-whatever"], "-whatever", "-help")
        refuses("stray arguments", ["disk.img", "other.img"], "other.img", "-hdb")
    sys.exit(1 if refusals.failed else 0)


main()
