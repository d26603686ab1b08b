#!/usr/bin/env python3
"""Debian's kernel on the i440FX board, started without firmware: it finds PCI and the ACPI tables, gives the display card
its address, takes its interrupts by the APICs, or by the 8259 pair if told so, and switches the machine off.

usage: board.py GUEST RINGFOLD [OPTION...]
"""
import os
import sys

from console import Console, Problem

LIMIT = 300
PROMPT = "ringfold:/root# "
# What to ask, and what the answer must hold.
QUESTIONS = [
    ("cat /sys/bus/pci/devices/*/device", ["0x1237", "0x7000", "0x7113", "0x1111"]),
    ("cat /proc/ioports", ["0600-0603 : ACPI PM1a_EVT_BLK", "0608-060b : ACPI PM_TMR", "0cf8-0cff : PCI conf1"]),
    ("cat /proc/iomem", ["80000000-80ffffff : 0000:00:02.0"]),
    ("ls /sys/bus/acpi/devices", ["PNP0A03:00", "PNP0C0F:03", "PNP0501:00", "LNXPWRBN:00"]),
]
MODES = {
    "": [
        ("cat /proc/interrupts", ["IO-APIC   4-edge      ttyS0", "IO-APIC   9-fasteoi   acpi", "Local timer interrupts"]),
        ("grep Event /proc/timer_list", ["lapic", "hpet"]),
        ("dmesg", ["hpet0: 3 comparators, 64-bit 100.000000 MHz counter", "ACPI: PM: (supports S0 S5)", "PCI: Using ACPI for IRQ routing", "Using IOAPIC for interrupt routing",
                   "IOAPIC[0]: apic_id 0, version 17, address 0xfec00000, GSI 0-23"]),
    ],
    "noapic": [
        ("cat /proc/interrupts", ["XT-PIC      ttyS0", "XT-PIC      acpi", "Local timer interrupts"]),
        ("grep Event /proc/timer_list", ["lapic"]),
    ],
    "noapic nolapic": [
        ("cat /proc/interrupts", ["XT-PIC      timer", "XT-PIC      ttyS0", "XT-PIC      acpi"]),
        ("grep Event /proc/timer_list", ["hpet"]),
    ],
    "acpi=off": [
        ("cat /proc/interrupts", ["IO-APIC   4-edge      ttyS0", "Local timer interrupts"]),
        ("dmesg", ["found SMP MP-table at", "IOAPIC[0]: apic_id 0, version 17, address 0xfec00000, GSI 0-23"]),
    ],
    "noapic nolapic hpet=disable": [("grep Event /proc/timer_list", ["pit"])],
}


def boot(guest, ringfold, options, mode, questions):
    console = Console([ringfold, *options, "-kernel", os.path.join(guest, "vmlinuz-686"), "-initrd",
                       os.path.join(guest, "initrd.gz"), "-append", f"console=ttyS0 quiet loglevel=0 {mode}",
                       "-machine", "pc"])
    try:
        console.expect(PROMPT, LIMIT)
        for question, wanted in questions:
            console.send(question + "\r")
            answer = console.expect(PROMPT, 60)
            missing = [w for w in wanted if w not in answer]
            if missing:
                raise Problem(f"{question}: no {missing} in the answer:\n{answer}")
            print(f"ok - {mode} {question}")
        if "acpi=off" in mode:  # nobody knows how
            return
        console.send("poweroff -f\r")
        if console.wait(60) != 0:
            raise Problem(f"status {console.status} after power-off")
        print(f"ok - {mode} power-off ends with status 0")
    finally:
        console.close()


def main():
    guest, ringfold, *options = sys.argv[1:]
    try:
        for mode, questions in MODES.items():
            boot(guest, ringfold, options, mode, questions + ([] if mode else QUESTIONS))
    except Problem as problem:
        print(f"FAILED - {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
