#!/usr/bin/env python3
"""Firmware: SeaBIOS to the end of its way, with the same text on the screen as under QEMU; resets that enter it again,
power-off through ACPI's registers, and a ROM of our own from its first instruction on.

usage: firmware.py RINGFOLD ACCEL
"""
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from console import Console, Problem

LIMIT = 120
END = "No bootable device."

failures = 0


def check(what, ok, detail=""):
    global failures
    print(f"{'ok' if ok else 'FAILED'} - {what}{'' if ok else ': ' + detail}")
    failures += not ok


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def until(condition, child, limit=LIMIT):
    """Waits for the condition or the child's end."""
    deadline = time.monotonic() + limit
    while not condition() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def stop(child):
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


DEBUG_PORT = ["-global", "isa-debugcon.iobase=0x402"]


def seabios_here(ringfold, machine, folder, *options):
    """The lines on the screen and SeaBIOS's own report, once it has given up."""
    log, screen = os.path.join(folder, "log"), os.path.join(folder, "screen.txt")
    for old in (log, screen):
        if os.path.exists(old):
            os.unlink(old)
    child = subprocess.Popen([ringfold, *machine, "-m", "64", "-nodefaults", "-serial", "none", "-display", "none",
                              "-debugcon", f"file:{log}", *DEBUG_PORT, "-screendump", screen, *options],
                             stdin=subprocess.DEVNULL)
    until(lambda: END in read(log), child)
    time.sleep(0.2)
    stop(child)
    return read(screen).splitlines(), read(log)


def seabios_qemu(folder):
    """The same from QEMU, without the option ROM that it adds for hypervisors."""
    log, memory = os.path.join(folder, "qemu.log"), os.path.join(folder, "memory")
    child = subprocess.Popen(["qemu-system-i386", "-accel", "tcg", "-m", "64", "-nodefaults", "-vga", "std", "-display", "none",
                              "-global", "apic-common.vapic=off", "-monitor", "stdio", "-debugcon", f"file:{log}",
                              *DEBUG_PORT], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until(lambda: END in read(log), child)
    time.sleep(0.5)
    child.communicate(f"pmemsave 0xb8000 4000 \"{memory}\"\nquit\n".encode(), timeout=LIMIT)
    with open(memory, "rb") as f:
        text = f.read()[::2].decode("cp437")
    return [text[n:n + 80].rstrip() for n in range(0, len(text), 80)]


def rom(folder, source):
    """64 KiB that end in a jump to `source`, which nasm assembles at F000:0000."""
    asm, image = os.path.join(folder, "rom.asm"), os.path.join(folder, "rom")
    with open(asm, "w") as f:
        f.write("bits 16\norg 0\n" + source + "\ntimes 0xfff0-($-$$) nop\njmp 0xf000:0\ntimes 0x10000-($-$$) nop\n")
    subprocess.run(["nasm", "-f", "bin", "-o", image, asm], check=True)
    return image


# Says R on the debug console and resets by port 0xCF9.
RESETS = """
    mov al, 'R'
    out 0xe9, al
    mov dx, 0xcf9
    mov al, 6
    out dx, al
    hlt
"""
# Finds the power management function, gives it ports, and writes "soft off".
SWITCHES_OFF = """
    %macro config 2
    mov eax, %1
    mov dx, 0xcf8
    out dx, eax
    mov eax, %2
    mov dx, 0xcfc
    out dx, eax
    %endmacro
    config 0x80000b40, 0x601
    config 0x80000b80, 1
    mov dx, 0x604
    mov ax, 0x2000
    out dx, ax
    hlt
"""
# Shadow memory: read-only until the host bridge is told otherwise, and then again.
SHADOWS = """
    %macro pam 1
    mov eax, 0x80000058
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfd
    mov al, %1
    out dx, al
    %endmacro
    %macro say 1
    mov al, %1
    out 0xe9, al
    %endmacro
    mov ax, 0xf000
    mov ds, ax
    mov byte [0x8000], 'x'
    say [0x8000]
    pam 0x30
    mov byte [0x8000], 'y'
    say [0x8000]
    pam 0x10
    mov byte [0x8000], 'z'
    inc byte [0x8000]
    say [0x8000]
    say '.'
    cli
    hlt
    times 0x8000-($-$$) db '-'
    db 'o'
"""


def own_roms(ringfold, machine, folder):
    def start(source, *options):
        out = os.path.join(folder, "out")
        if os.path.exists(out):
            os.unlink(out)
        child = subprocess.Popen([ringfold, *machine, "-m", "16", "-vga", "none", "-serial", "none", "-bios",
                                  rom(folder, source), "-debugcon", f"file:{out}", *options], stdin=subprocess.DEVNULL)
        return child, lambda: read(out)

    child, said = start(RESETS)
    check("a reset enters the firmware again", until(lambda: "RRR" in said(), child), said())
    stop(child)
    child, said = start(RESETS, "-no-reboot")
    child.wait(LIMIT)
    check("-no-reboot ends instead", child.returncode == 0 and said() == "R", f"{child.returncode} {said()}")
    child, said = start(SWITCHES_OFF)
    child.wait(LIMIT)
    check("power-off ends with status 0", child.returncode == 0, str(child.returncode))
    child, said = start(SHADOWS)
    until(lambda: "." in said(), child)
    check("PAM guards what it guards", said() == "oyy.", said())
    stop(child)


def on_terminal(ringfold, machine):
    """-display curses on a terminal of our own: the boot menu, called by a key, and the way out."""
    os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
    console = Console([ringfold, *machine, "-m", "64", "-display", "curses", "-boot", "menu=on"])
    try:
        console.expect("Press ESC for boot menu", LIMIT)
        console.send("\x1b")
        console.expect("Select boot device", LIMIT)
        console.send("\x01x")
        console.expect("\x1b[?1049l", 20)
        check("curses shows the screen, types, and gives the terminal back", console.wait(20) == 0 and not console.is_raw(),
              f"status {console.status}")
    except Problem as problem:
        check("curses", False, str(problem))
    finally:
        console.close()


def floppy(folder, source):
    """A disk whose boot sector is `source`."""
    asm, image = os.path.join(folder, "floppy.asm"), os.path.join(folder, "floppy")
    with open(asm, "w") as f:
        f.write("bits 16\norg 0x7c00\n" + source + "\ntimes 510-($-$$) db 0\ndw 0xaa55\n")
    subprocess.run(["nasm", "-f", "bin", "-o", image, asm], check=True)
    os.truncate(image, 1440 << 10)
    return image


# Scrolls the screen, and writes into its last row.
LAST_ROW = """
    mov cx, 40
.down: mov ax, 0x0e0a
    int 0x10
    loop .down
    mov ax, 0x0e0d
    int 0x10
    mov si, text
.next: mov ah, 0x0e
    mov al, [cs:si]
    inc si
    or al, al
    jz .stop
    int 0x10
    jmp .next
.stop: hlt
    jmp .stop
text: db "the last row", 0
"""


def on_small_terminal(ringfold, machine, folder):
    """A terminal of 24 rows, which pty.openpty() makes and xterm has, for a screen of 25; then one that shrinks."""
    image = floppy(folder, LAST_ROW)
    console = Console([ringfold, *machine, "-m", "16", "-display", "curses", "-fda", image, "-boot", "a"])
    try:
        console.expect("the last row", LIMIT)
        fcntl.ioctl(console.master, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 8, 0, 0))
        console.expect("ast row", LIMIT)  # 8 columns: the end of the line, and the cursor
        check("curses shows the row with the cursor", True)
    except Problem as problem:
        check("curses shows the row with the cursor", False, str(problem))
    finally:
        console.close()


def main():
    ringfold, *machine = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        own_roms(ringfold, machine, folder)
        screen, log = seabios_here(ringfold, machine, folder)
        check("SeaBIOS comes to its end", END in log, log[-500:])
        check("it knows the board", "Running on QEMU (i440fx)" in log)
        check("it finds fw_cfg with DMA", "QEMU fw_cfg DMA interface supported" in log)
        check("it takes our ACPI tables", "ACPI: parse DSDT" in log)
        check("the screen tells", END in "\n".join(screen), "\n".join(screen))
        if shutil.which("qemu-system-i386"):
            there = seabios_qemu(folder)
            strip = lambda lines: [line.rstrip() for line in lines if line.strip()]
            check("the screen is QEMU's", strip(screen) == strip(there),
                  "\n".join(["", *strip(screen), "--- QEMU:", *strip(there)]))
        screen, log = seabios_here(ringfold, machine, folder, "-boot", "menu=on")
        check("the boot menu is offered", "Press ESC for boot menu." in "\n".join(screen), "\n".join(screen))
        screen, log = seabios_here(ringfold, machine, folder, "-machine", "pc,acpi=off")
        check("without our ACPI tables it makes its own", END in log and "ACPI DSDT=" in log and "via rsdt" not in log, log)
        on_small_terminal(ringfold, machine, folder)
    on_terminal(ringfold, machine)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
