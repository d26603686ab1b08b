#!/usr/bin/env python3
"""Other people's systems, through firmware, to the point where they wait for their user, and a little further. Where
qemu-system-i386 is installed, it shows the same screens.

usage: systems.py SYSTEM RINGFOLD [PICTURES]

SYSTEM: a function below. PICTURES: a folder, where each screen is kept as a PNG (docs/screens are made so).
"""
import os
import subprocess
import sys
import tempfile
import time
import zlib

from console import Console, Problem
from pc import Pc, QEMU, QemuPc
from picture import at_rest, colours, differences

GRUB = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
INSTALLER = "/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386"
SYSLINUX = "/usr/lib/syslinux/modules/bios"
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + why}", flush=True)
    failed += not good


def grub_menu(pc):
    """The lines of GRUB's menu, once a key has ended its countdown."""
    pc.expect("*GNU/Linux")
    pc.do("sendkey down")
    return pc.expect("*GNU (aka GNU/Hurd)")


# Each gives the options of the machine, and a generator that drives a Pc: the name of a screen, and its lines.

def seabios(folder):
    """SeaBIOS's boot menu, by its key; what is chosen there is started."""
    def drive(pc):
        yield "its offer", pc.expect("Press ESC for boot menu.")
        pc.type("\x1b")
        menu = pc.expect("Select boot device:")
        number = next(line.split(".")[0].strip() for line in menu if "DVD" in line)
        yield "its menu", menu
        pc.type(number)
        yield "the DVD chosen in it", grub_menu(pc)
    floppy = os.path.join(folder, "floppy.img")
    with open(floppy, "wb") as f:
        f.truncate(1440 << 10)
    return ["-m", "64", "-boot", "menu=on,splash-time=20000", "-drive", f"file={floppy},if=floppy,format=raw", "-cdrom", GRUB], drive


def grub(folder):
    """Debian's GRUB rescue CD: its menu, its prompt."""
    def drive(pc):
        yield "its menu", grub_menu(pc)
        pc.type("c")
        pc.expect("grub>")
        pc.type("echo it ${grub_platform}\r")
        yield "its prompt", pc.expect("it pc", "grub>")
    return ["-m", "64", "-cdrom", GRUB, "-boot", "d"], drive


def ipxe(folder):
    """Debian's iPXE CD: its prompt."""
    def drive(pc):
        pc.expect("Ctrl-B")
        pc.type("\x02")
        pc.expect("iPXE>")
        pc.type("echo it ${buildarch}\r")
        yield "its prompt", pc.expect("it i386")
    return ["-m", "64", "-cdrom", "/usr/lib/ipxe/ipxe.iso", "-boot", "d"], drive


def isolinux_cd(folder):
    """A CD with ISOLINUX that starts Debian's installer, on the text screen or in graphics."""
    tree, iso = os.path.join(folder, "tree"), os.path.join(folder, "installer.iso")
    os.mkdir(tree)
    for file in ("/usr/lib/ISOLINUX/isolinux.bin", *(f"{SYSLINUX}/{name}.c32" for name in ("ldlinux", "menu", "libutil")),
                 f"{INSTALLER}/linux", f"{INSTALLER}/initrd.gz"):
        subprocess.run(["cp", file, tree], check=True)
    with open(os.path.join(tree, "isolinux.cfg"), "w") as f:
        f.write("""prompt 1
timeout 0
label text
    menu label Install on the text screen
    linux /linux
    initrd /initrd.gz
    append vga=normal fb=false nomodeset quiet
label graphics
    menu label Install in graphics
    linux /linux
    initrd /initrd.gz
    append quiet
label menu
    menu hide
    com32 menu.c32
""")
    subprocess.run(["xorriso", "-as", "mkisofs", "-r", "-quiet", "-o", iso, "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
                    "-boot-load-size", "4", "-boot-info-table", tree], check=True, stderr=subprocess.DEVNULL)
    return ["-m", "512", "-cdrom", iso, "-boot", "d"]


def installer(folder):
    """ISOLINUX: its prompt, its menu; Debian's installer from there to its first dialogue."""
    def drive(pc):
        yield "ISOLINUX's prompt", pc.expect("boot:")
        pc.type("menu\r")
        yield "its menu", pc.expect("Install on the text screen", "Install in graphics")
        pc.type("\r")
        yield "the installer's first dialogue", pc.expect("[!!] Select a language", "Nederlands", "<Go Back>", "<Tab> moves")
    return isolinux_cd(folder), drive


def memtest(folder):
    """Memtest86+ through a whole pass of 64 MB."""
    def drive(pc):
        pc.expect("Pass:  1 ", limit=2400)
        yield "a whole pass", pc.expect("Errors: 0", "Testing: ", "##       ##    ##   #####    #####", limit=1)
    return ["-m", "64", "-cdrom", "/usr/lib/memtest86+/memtest86+ia32.iso", "-boot", "d"], drive


# Lines that tell of the machine below, or of the time.
OURS = ("Ringfold", "QEMU", "DVD/CD [", "UUID", "MHz", "N/A", "Time:", "Pass", "Test", "Using:", "PMM")


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
    options, drive = globals()[system](folder)
    screens = {}
    pc = Pc(ringfold, folder, *options)
    try:
        for name, _ in drive(pc):
            screens[name] = pc.settled() if system != "memtest" else pc.text()
            report(True, f"{system}: {name}")
            if pictures:
                pc.picture(os.path.join(pictures, f"{system}-{len(screens)}.png"))
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
        pc.expect("boot:")
        pc.type("graphics\r")
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
    guest = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/guests/linux")
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


# The others are generators of screens.
PROGRAMS = {f.__name__: f for f in (installer_graphics, installer_netboot, installer_serial, uboot)}


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
