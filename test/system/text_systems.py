"""Systems with text screens: each function gives the options of the machine, and a generator that drives a Pc and yields the
name of a screen and its lines. Used by systems.py."""
import os
import subprocess

GRUB = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
INSTALLER = "/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386"
SYSLINUX = "/usr/lib/syslinux/modules/bios"
GUESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/guests")


def grub_menu(pc):
    """The lines of GRUB's menu, once a key has ended its countdown."""
    pc.expect("*GNU/Linux")
    pc.do("sendkey down")
    return pc.expect("*GNU (aka GNU/Hurd)")


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
        pc.enter("grub>", "echo it ${grub_platform}")
        yield "its prompt", pc.expect("it pc", "grub>")
    return ["-m", "64", "-cdrom", GRUB, "-boot", "d"], drive


def ipxe(folder):
    """Debian's iPXE CD: its prompt."""
    def drive(pc):
        pc.expect("Ctrl-B")
        pc.type("\x02")
        pc.enter("iPXE>", "echo it ${buildarch}")
        yield "its prompt", pc.expect("it i386")
    return ["-m", "64", "-cdrom", "/usr/lib/ipxe/ipxe.iso", "-boot", "d"], drive


def iso(folder, tree):
    """Of a folder with isolinux.bin in it."""
    path = os.path.join(folder, "cd.iso")
    subprocess.run(["xorriso", "-as", "mkisofs", "-r", "-quiet", "-o", path, "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
                    "-boot-load-size", "4", "-boot-info-table", tree], check=True, stderr=subprocess.DEVNULL)
    return path


def isolinux_cd(folder):
    """A CD with ISOLINUX that starts Debian's installer, on the text screen or in graphics."""
    tree = os.path.join(folder, "tree")
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
    return ["-m", "512", "-cdrom", iso(folder, tree), "-boot", "d"]


def installer(folder):
    """ISOLINUX: its prompt, its menu; Debian's installer from there to its first dialogue."""
    def drive(pc):
        yield "ISOLINUX's prompt", pc.expect("boot:")
        pc.enter("boot:", "menu")
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


def legacy_floppy(folder):
    """GRUB Legacy's two stages, one behind the other."""
    floppy = os.path.join(folder, "floppy.img")
    with open(floppy, "wb") as image:
        for stage in ("stage1", "stage2"):
            with open(f"{GUESTS}/systems/{stage}", "rb") as file:
                image.write(file.read())
        image.truncate(1440 << 10)
    return floppy


def grub_legacy(folder):
    """GRUB 0.97, of 1999, from a floppy: its prompt."""
    def drive(pc):
        yield "its prompt", pc.expect("GNU GRUB  version 0.97", "grub>")
        pc.enter("grub>", "geometry (fd0)")
        yield "the floppy's geometry by the BIOS", pc.expect("C/H/S = 80/2/18")
    floppy = legacy_floppy(folder)
    return ["-m", "64", "-boot", "a", "-drive", f"file={floppy},if=floppy,format=raw"], drive


def syslinux_cd(folder, *files):
    """A CD with ISOLINUX's prompt, MEMDISK, all modules, and these files."""
    tree = os.path.join(folder, "tree")
    os.mkdir(tree)
    modules = [f"{SYSLINUX}/{name}" for name in sorted(os.listdir(SYSLINUX)) if name.endswith(".c32")]
    subprocess.run(["cp", "/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/memdisk", *modules, *files, tree], check=True)
    with open(os.path.join(tree, "isolinux.cfg"), "w") as f:
        f.write("prompt 1\ntimeout 0\n")
    return ["-m", "64", "-cdrom", iso(folder, tree), "-boot", "d"]


def memdisk(folder):
    """MEMDISK: a floppy in memory, behind the BIOS's back; GRUB Legacy starts from it."""
    def drive(pc):
        pc.enter("boot:", "memdisk initrd=floppy.img")
        yield "GRUB Legacy from a floppy in memory", pc.expect("GNU GRUB  version 0.97", "grub>")
        pc.enter("grub>", "geometry (fd0)")
        yield "the floppy's geometry by MEMDISK", pc.expect("C/H/S = 80/2/18")
    return syslinux_cd(folder, legacy_floppy(folder)), drive


def hdt(folder):
    """HDT, which shows what BIOS, PCI, SMBIOS and CPUID tell."""
    def drive(pc):
        pc.enter("boot:", "hdt.c32 nomenu")
        yield "its prompt", pc.expect("hdt>")
        pc.enter("hdt>", "show pci")
        yield "how many PCI devices it counts", pc.expect("NB Devices   : 6", "hdt>")
    return syslinux_cd(folder), drive


def syslinux(folder):
    """SYSLINUX on the FAT partition of a disk, behind its master boot record: its prompt, and Debian's kernel from there."""
    def drive(pc):
        yield "its prompt", pc.expect("SYSLINUX 6.04", "boot:")
        pc.enter("boot:", "debian")
        yield "Debian's kernel", pc.expect("ringfold: shell ready", "ringfold:/root#", limit=300)
    disk, start, configuration = os.path.join(folder, "disk.img"), 1 << 20, os.path.join(folder, "syslinux.cfg")
    with open(disk, "wb") as image, open("/usr/lib/syslinux/mbr/mbr.bin", "rb") as record:
        image.write(record.read())
        image.truncate(64 << 20)
    with open(configuration, "w") as f:
        f.write("prompt 1\ntimeout 0\nlabel debian\n linux vmlinuz\n initrd initrd.gz\n append nomodeset quiet loglevel=1\n")
    first, sectors = start >> 9, 64 << 11
    subprocess.run(["/sbin/sfdisk", "-q", disk], input=f"label: dos\n{first},,6,*\n", text=True, check=True, stdout=subprocess.DEVNULL)
    partition = f"{disk}@@{start}"
    subprocess.run(["mformat", "-i", partition, "-T", str(sectors - first), "-h", "16", "-s", "63", "-H", str(first), "::"], check=True)
    for file, name in ((configuration, "syslinux.cfg"), (f"{GUESTS}/linux/vmlinuz-686", "vmlinuz"), (f"{GUESTS}/linux/initrd.gz", "initrd.gz")):
        subprocess.run(["mcopy", "-i", partition, file, f"::{name}"], check=True)
    subprocess.run(["syslinux", "--offset", str(start), "--install", disk], check=True)
    return ["-m", "128", "-drive", f"file={disk},format=raw"], drive


def grub_firmware(folder):
    """GRUB instead of SeaBIOS: its menu, on a screen that it sets up itself."""
    def drive(pc):
        pc.expect("*Search & load /boot/multiboot.img")
        pc.do("sendkey down")  # ends the countdown
        yield "its menu", pc.expect("*Search & load /multiboot.img")
    return ["-m", "64", "-bios", f"{GUESTS}/systems/grub.bin"], drive


def grub_cd(folder, *commands, **files):
    """A CD whose GRUB runs these commands and no menu: FILE=PATH puts /FILE there."""
    tree, iso = os.path.join(folder, "tree"), os.path.join(folder, "grub.iso")
    os.makedirs(os.path.join(tree, "boot/grub"))
    for name, path in files.items():
        subprocess.run(["cp", path, os.path.join(tree, name)], check=True)
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w") as f:
        f.write("\n".join([*commands, "boot\n"]))
    subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", iso, tree], check=True, stderr=subprocess.DEVNULL)
    return ["-m", "64", "-cdrom", iso, "-boot", "d"]
