"""Tiny Multiboot kernels for the system tests: flat images of a few bytes of 32-bit code at 1 MiB."""
import struct

MAGIC, FLAGS, LOAD = 0x1BADB002, 0x10000, 0x100000

ENDLESS = bytes([0xEB, 0xFE])               # jmp $
HALT = bytes([0xFA, 0xF4, 0xEB, 0xFC])      # cli; hlt; again
TRIPLE_FAULT = bytes([0x0F, 0x0B])          # ud2, with no IDT
KEYBOARD_RESET = bytes([0xB0, 0xFE, 0xE6, 0x64, 0xEB, 0xFE])  # out 0x64, 0xfe
# echo: wait for a byte on the serial port and send it back, for ever
ECHO = bytes([0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0xF7,
              0x66, 0xBA, 0xF8, 0x03, 0xEC, 0xEE, 0xEB, 0xEF])


def image(code):
    header = struct.pack("<8I", MAGIC, FLAGS, (-MAGIC - FLAGS) & 0xFFFFFFFF, LOAD, LOAD, 0, 0, LOAD + 32)
    return header + code


def write(path, code):
    with open(path, "wb") as file:
        file.write(image(code))
    return path
