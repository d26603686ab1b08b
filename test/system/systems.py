#!/usr/bin/env python3
"""Other people's systems, through firmware, to the point where they wait for their user, and a little further. Where
qemu-system-i386 is installed, it shows the same screens.

usage: systems.py SYSTEM RINGFOLD [PICTURES]

SYSTEM: a function of text_systems.py or below. PICTURES: a folder, where each screen is kept as a PNG (docs/screens are made so).
"""
import gzip
import os
import subprocess
import sys
import tempfile
import time
import zlib

import text_systems
from console import Console, Problem
from pc import Pc, QEMU, QemuPc
from picture import at_rest, colours, differences
from text_systems import INSTALLER, GUESTS, grub_cd, isolinux_cd

failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + why}", flush=True)
    failed += not good


# Lines that tell of the machine below, or of the time.
OURS = ("Ringfold", "upper memory", "QEMU", "DVD/CD [", "UUID", "MHz", "N/A", "Time:", "Pass", "Test", "Using:", "PMM")


def contains(theirs, ours):
    """Are the lines of our screen below one another somewhere in theirs? Those that OURS names may differ."""
    ours = [None if any(word in line for word in OURS) else line for line in "\n".join(ours).rstrip().split("\n")]
    return any(all(line is None or theirs[at + n] == line for n, line in enumerate(ours))
               for at in range(len(theirs) - len(ours) + 1))


def against_qemu(system, options, drive, folder, screens):
    pc = QemuPc(folder, *options)
    try:
        for name, _ in drive(pc):
            lines = pc.settled()
            report(contains(lines, screens[name]), f"{system}: {name} is QEMU's",
                   "\n".join(["", *screens[name], "--- QEMU:", *(line for line in lines if line)]))
    finally:
        pc.close()


def text_system(system, ringfold, folder, pictures):
    options, drive = getattr(text_systems, system)(folder)
    screens = {}
    pc = Pc(ringfold, folder, *options)
    try:
        for name, _ in drive(pc):
            screens[name] = pc.settled() if system != "memtest" else pc.text()
            report(True, f"{system}: {name}")
            if pictures:
                pc.picture(os.path.join(pictures, f"{system.replace('_', '-')}-{len(screens)}.png"))
    finally:
        pc.close()
    if QEMU and system != "memtest":  # whose pass takes TCG too long
        against_qemu(system, options, drive, folder, screens)


def newt(picture):
    """newt's colours: the blue around, the grey window, the red of its title and of the chosen line."""
    return {(0, 0, 170), (170, 170, 170), (170, 0, 0)} <= colours(picture)


def same_pictures(ringfold, folder, pictures, system, options, drive):
    """`drive` gives names and pictures; each is QEMU's."""
    ours = {}
    pc = Pc(ringfold, folder, *options)
    try:
        for name, picture in drive(pc):
            ours[name] = picture
            report(True, f"{system}: {name}")
            if pictures:
                pc.picture(os.path.join(pictures, f"{system.replace('_', '-')}-{len(ours)}.png"))
    finally:
        pc.close()
    if QEMU:
        pc = QemuPc(folder, *options, "-global", "VGA.edid=off")
        try:
            for name, picture in drive(pc):
                different = differences(ours[name], picture)
                report(not different, f"{system}: {name} is QEMU's picture", different)
        finally:
            pc.close()


def installer_graphics(ringfold, folder, pictures):
    """The installer on the display card's linear framebuffer, by Debian's own driver for it."""
    def drive(pc):
        pc.enter("boot:", "graphics")
        yield "its first dialogue", at_rest(pc, newt)
    same_pictures(ringfold, folder, pictures, "installer_graphics", isolinux_cd(folder), drive)


def installer_netboot(ringfold, folder, pictures):
    """Debian's netboot folder by TFTP: iPXE fetches PXELINUX, which draws Debian's menu; the installer from there."""
    def drive(pc):
        yield "PXELINUX's menu over Debian's picture", at_rest(pc, lambda picture: len(colours(picture)) > 1000)
        pc.type("\r")
        yield "the installer's first dialogue", at_rest(pc, newt)
    options = ["-m", "512", "-boot", "n", "-nic", f"user,model=e1000,tftp={INSTALLER}/../..,bootfile=pxelinux.0"]
    same_pictures(ringfold, folder, pictures, "installer_netboot", options, drive)


def installer_serial(ringfold, folder, pictures):
    """Its kernel and initrd without firmware, on the serial port."""
    console = Console([ringfold, "-m", "512", "-machine", "pc", "-kernel", f"{INSTALLER}/linux", "-initrd", f"{INSTALLER}/initrd.gz",
                       "-append", "console=ttyS0", "-nographic"])
    try:
        console.expect("Select a language", 300)
        console.expect("English", 30)
        console.expect("<Go Back>", 30)
        report(True, "the installer's first dialogue on the serial port")
    finally:
        console.close()


def uboot(ringfold, folder, pictures):
    """U-Boot instead of SeaBIOS: its prompt, DHCP, TFTP, and Debian's kernel and initrd that came that way."""
    guest = f"{GUESTS}/linux"
    console = Console([ringfold, "-m", "256", "-bios", "/usr/lib/u-boot/qemu-x86/u-boot.rom", "-display", "none", "-serial", "stdio",
                       "-nic", f"user,model=e1000,tftp={guest}"])

    def ask(command):
        for character in command + "\n":  # its port has no buffer behind it while it works
            console.send(character)
            time.sleep(0.02)
        return console.expect("\n=> ", 300)

    try:
        console.expect("stop autoboot", 120)
        console.send("\n")
        console.expect("=> ", 60)
        report("U-Boot" in ask("version"), "U-Boot answers at its prompt")
        devices = ask("pci")
        report(all(f"0x{d}" in devices for d in ("1237", "7000", "7010", "7113", "1111", "100e")), "it lists the devices", devices)
        report("bound to address 10.0.2.15" in ask("setenv autoload no; dhcp"), "it has an address by DHCP")
        got = ask("tftp 0x1000000 10.0.2.2:vmlinuz-686; crc32 0x1000000 $filesize")
        with open(os.path.join(guest, "vmlinuz-686"), "rb") as f:
            report(f"==> {zlib.crc32(f.read()):08x}" in got, "it fetches a kernel by TFTP, whole", got)
        ask("tftp 0x4000000 10.0.2.2:initrd.gz")
        ask("setenv bootargs console=ttyS0")
        console.send("zboot 0x1000000 0 0x4000000 $filesize\n")
        console.expect("ringfold: shell ready", 300)
        report(True, "it starts the kernel, which comes to its shell")
    finally:
        console.close()


def bochs_bios(ringfold, folder, pictures):
    """The BIOS of Bochs instead of SeaBIOS: it boots our boot sector from each drive."""
    sector = os.path.join(folder, "sector")
    subprocess.run(["nasm", "-f", "bin", "-o", sector, os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot_sector.asm")],
                   check=True)
    for drive, size, options in (("00", 1440 << 10, ["-boot", "a", "-fda", sector]), ("80", 8 << 20, ["-boot", "c", "-hda", sector])):
        os.truncate(sector, size)
        done = subprocess.run([ringfold, "-display", "none", "-debugcon", "stdio", "-m", "32", "-device",
                               "isa-debug-exit,iobase=0xf4,iosize=4", "-bios",
                               f"{GUESTS}/systems/BIOS-bochs-latest", *options], capture_output=True, text=True, timeout=120)
        report(f"drive {drive}: second sector" in done.stdout, f"it boots drive {drive}", done.stdout[-500:] + done.stderr)


def invaders(ringfold, folder, pictures):
    """GRUB Invaders, a game without an operating system: the ship goes where the keys say, and its shots hit."""
    pc = Pc(ringfold, folder, *grub_cd(folder, "multiboot /invaders.exec", **{"invaders.exec": f"{GUESTS}/systems/invaders.exec"}))
    enemies = lambda lines: sum(line.count("-*-") for line in lines)
    ship = lambda lines: max(line.find("/ \\") for line in lines)
    try:
        before = pc.expect("-*-", "/ \\")
        for _ in range(16):
            pc.do("sendkey spc")
            pc.do("sendkey right")
            time.sleep(0.3)
        after = pc.text()
        report(ship(before) > 0 and ship(after) > ship(before) + 5, "the ship has moved", "\n".join(after))
        report(0 < enemies(after) < enemies(before), "it has hit", "\n".join(after))
        if pictures:
            pc.picture(os.path.join(pictures, "invaders-1.png"))
    finally:
        pc.close()


def mach(ringfold, folder, pictures):
    """GNU Mach, with guests/mach/server.c as its first program: drivers, tasks, messages, keyboard, restart."""
    disk, kernel = (os.path.join(folder, name) for name in ("disk", "gnumach"))
    data = os.urandom(8 << 20)
    with open(disk, "wb") as f:
        f.write(data)
    with gzip.open(f"{GUESTS}/systems/gnumach.gz") as packed, open(kernel, "wb") as f:
        f.write(packed.read())
    cd = grub_cd(folder, "multiboot /gnumach",
                 "module /server server '${device-port}' '${host-port}' hd0 8192 '$(task-create)' '$(task-resume)'",
                 gnumach=kernel, server=os.path.join(os.path.dirname(ringfold), "guests/mach-server"))
    pc = Pc(ringfold, folder, *cd, "-no-reboot", "-hda", disk)
    try:
        screen = pc.expect("type a line:", limit=60)
        for name, line in (("its IDE driver reads and writes a disk", f"ok: hd0 {zlib.adler32(data):08x}"),
                           ("a task with memory copied on write, and 10000 messages", "ok: a task and its messages, wrong ones: 00000000")):
            report(line in screen, name, "\n".join(screen))
        pc.type("microkernel")
        pc.expect("type a line: microkernel", limit=20)
        report(True, "its keyboard driver types")
        if pictures:
            pc.picture(os.path.join(pictures, "mach-1.png"))
        pc.type("\r")
        report(pc.child.wait(60) == 0, "it restarts the machine")
    finally:
        pc.close()
    with open(disk, "rb") as f:
        report(f.read(16384) == data[:8192] * 2, "what it wrote is on the disk")


# The others are generators of screens.
PROGRAMS = {f.__name__: f for f in (installer_graphics, installer_netboot, installer_serial, uboot, bochs_bios,
                                       invaders, mach)}


def main():
    system, ringfold, *pictures = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            where = pictures[0] if pictures else None
            if system in PROGRAMS:
                PROGRAMS[system](ringfold, folder, where)
            else:
                text_system(system, ringfold, folder, where)
        except Problem as problem:
            report(False, system, str(problem)[-3000:])
    sys.exit(failed > 0)


main()
