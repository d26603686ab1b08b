#!/usr/bin/env python3
"""What the command line hands to firmware and guest: an option ROM, fw_cfg items, and the SMBIOS tables as SeaBIOS and as
Linux show them.

usage: firmware_items.py RINGFOLD GUEST_FOLDER
"""
import os
import struct
import subprocess
import sys
import tempfile
import time

from console import Console, Problem
from monitor_client import Qmp
from refusals import Refusals

HERE = os.path.dirname(os.path.abspath(__file__))
UUID = "12345678-9abc-def0-1122-334455667788"
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + str(why)[:2000]}", flush=True)
    failed += not good


def structures(memory, anchor):
    """By type: the fields' bytes and the strings."""
    length, address, count = struct.unpack_from("<HIH", memory, anchor + 0x16)
    at, found = address, {}
    for _ in range(count):
        kind, size = memory[at], memory[at + 1]
        end = memory.index(b"\0\0", at + size)
        found[kind] = memory[at:at + size], memory[at + size:end].decode().split("\0")
        at = end + 2
    return found if at == address + length else {}


def by_seabios(program, folder, name):
    """The tables in a machine's memory, once SeaBIOS has put them there; and what the ROM has said."""
    log, memory, qmp_path = (os.path.join(folder, f"{name}.{kind}") for kind in ("log", "memory", "qmp"))
    process = subprocess.Popen([program, "-m", "64", "-display", "none", "-nodefaults", "-debugcon", f"file:{log}", "-qmp",
                                f"unix:{qmp_path},server,nowait", "-option-rom", os.path.join(folder, "item.rom"), "-fw_cfg",
                                "name=opt/org.ringfold/said,string=from outside", "-uuid", UUID, "-smbios",
                                "type=1,product=Box,,er,serial=0815", "-smbios", "type=11,value=one,value=two"],
                               stdin=subprocess.DEVNULL)
    try:
        qmp = Qmp(qmp_path)
        qmp.must("qmp_capabilities")
        uuid = qmp.must("query-uuid")
        end = time.monotonic() + 60
        while time.monotonic() < end and not (os.path.exists(log) and open(log).read().endswith("\n")):
            time.sleep(0.2)
        time.sleep(1)
        qmp.must("pmemsave", {"val": 0, "size": 64 << 20, "filename": memory})
        data = open(memory, "rb").read()
        at = data.find(b"_SM_", 0xf0000, 0x100000)
        return open(log).read(), structures(data, at) if at > 0 else {}, uuid
    finally:
        process.kill()
        process.wait()


def firmware(ringfold, folder):
    ours, theirs = (by_seabios(program, folder, name) for name, program in (("ours", ringfold), ("theirs", "qemu-system-i386")))
    report(ours[0] == theirs[0] == "ROM: from outside\n", "the ROM runs, and finds the item", ours[0])
    report(ours[2] == theirs[2] == {"UUID": UUID}, "query-uuid", ours[2])
    report({kind: (len(fields), len(strings)) for kind, (fields, strings) in ours[1].items()} ==
           {kind: (len(fields), len(strings)) for kind, (fields, strings) in theirs[1].items()} and 0 in ours[1],
           "SeaBIOS places structures of QEMU's form", ours[1])
    if 1 in ours[1]:
        report(ours[1][1][1] == ["Ringfold", "Box,er", "pc-i440fx", "0815"] and ours[1][1][0] == theirs[1][1][0], "system", ours[1][1])
        report(ours[1][11] == theirs[1][11], "OEM strings", ours[1][11])
        for kind in (3, 16, 19, 32):
            report(ours[1][kind][0] == theirs[1][kind][0], f"the fields of type {kind} are QEMU's", ours[1][kind])


def linux(ringfold, guest):
    console = Console([ringfold, "-kernel", os.path.join(guest, "vmlinuz-686"), "-initrd", os.path.join(guest, "initrd-disks.gz"),
                       "-append", "console=ttyS0", "-m", "128", "-machine", "pc", "-display", "none", "-serial", "stdio", "-uuid", UUID,
                       "-smbios", "type=1,serial=4711,family=emulated", "-smbios", "type=0,vendor=Nobody,release=3.4"])
    try:
        console.expect("ringfold: shell ready", 300)
        console.send("stty -echo; dmesg -n 1; exec env PS1='ready# ' sh\n")
        console.expect("\n", 60)
        console.expect("ready# ", 60)
        for name, wanted in [("sys_vendor", "Ringfold"), ("product_name", "Standard PC (i440FX + PIIX, 1996)"), ("product_serial", "4711"),
                             ("product_uuid", UUID), ("product_family", "emulated"), ("bios_vendor", "Nobody"), ("bios_release", "3.4"),
                             ("chassis_vendor", "Ringfold"), ("chassis_type", "1")]:
            answer = console.ask(f"cat /sys/class/dmi/id/{name}").strip()
            report(answer == wanted, f"Linux's {name}", answer)
    finally:
        console.close()


def refusals(ringfold, folder):
    r = Refusals(ringfold)
    empty, other = (os.path.join(folder, name) for name in ("empty", "other"))
    open(empty, "wb").close()
    open(other, "wb").write(bytes(2048))
    r.refuses("no such file", ["-fw_cfg", "opt/a,file=/nonexistent"], "-fw_cfg /nonexistent", "cannot open")
    r.refuses("a file without end", ["-fw_cfg", "opt/a,file=/dev/zero"], "-fw_cfg /dev/zero", "larger than")
    r.refuses("a name of the machine's own", ["-fw_cfg", "etc/e820,string=x"], "opt/ORG/KEY")
    r.refuses("not a ROM", ["-option-rom", other], f"-option-rom {other}", "not an option ROM")
    r.refuses("an empty ROM", ["-option-rom", empty], f"-option-rom {empty}", "empty")
    r.refuses("a ROM without firmware", ["-kernel", other, "-option-rom", other], "-option-rom", "without firmware")
    r.refuses("not a UUID", ["-uuid", "1"], "-uuid", "550e8400")
    r.refuses("no such field", ["-smbios", "type=1,colour=red"], "-smbios type=1,colour=red", "manufacturer, product")
    r.refuses("no tables to say it in", ["-machine", "bare", "-kernel", other, "-smbios", "type=1,serial=1"], "-smbios", "-machine pc")
    return r.failed


def main():
    global failed
    ringfold, guest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        rom = os.path.join(folder, "item.rom")
        subprocess.run(["nasm", "-f", "bin", "-o", rom, os.path.join(HERE, "item_rom.asm")], check=True)
        data = bytearray(open(rom, "rb").read())
        data[-1] = -sum(data) & 0xff
        open(rom, "wb").write(data)
        for part, where in ((firmware, folder), (linux, guest)):
            try:
                part(ringfold, where)
            except Problem as problem:
                report(False, part.__name__, problem)
        failed += refusals(ringfold, folder)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
