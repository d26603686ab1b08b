#!/usr/bin/env python3
"""The terminal is raw while a guest uses it and is given back on every way out; the Ctrl-A keys work.

usage: terminal.py RINGFOLD -accel bt|interp ...
"""
import os
import signal
import sys
import tempfile
import time

import multiboot
from console import Console, Problem

ringfold, *machine = sys.argv[1:]
LIMIT = 60


def start(folder, name, code, *options):
    kernel = multiboot.write(os.path.join(folder, name), code)
    console = Console([ringfold, *machine, "-m", "16", "-kernel", kernel, *options])
    end = time.monotonic() + LIMIT
    while not console.is_raw() and console.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    return console


def check(condition, what, console):
    if not condition:
        raise Problem(f"{what}; the output:\n{console.text[-3000:]}")


def ends(console, status):
    """It ends with that status and leaves the terminal as it was."""
    got = console.wait(LIMIT)
    check(got == status, f"exit status {got} instead of {status}", console)
    check(console.modes() == console.before_modes, "the terminal was not given back", console)


def leave_by_key(folder):
    c = start(folder, "endless", multiboot.ENDLESS)
    check(c.is_raw(), "not raw", c)
    c.send("\x01h")
    c.expect("leave ringfold", LIMIT)
    c.send("\x01c")
    c.expect("(qemu) ", LIMIT)
    c.send("info status\r")
    c.expect("VM status: running", LIMIT)
    c.send("\x01c")
    c.send("\x01x")
    ends(c, 0)


def leave_a_sleeping_guest(folder):
    c = start(folder, "halt", multiboot.HALT)
    c.send("\x01x")
    ends(c, 0)


def leave_with_input_unread(folder):
    c = start(folder, "endless", multiboot.ENDLESS)
    for _ in range(50):
        c.send("unread " * 20)
    c.send("\x01x")
    ends(c, 0)


def echo(folder):
    c = start(folder, "echo", multiboot.ECHO)
    c.send("hello")
    c.expect("hello", LIMIT)
    c.send("\x01\x01")
    c.expect("\x01", LIMIT)
    c.send("\x03\x1a\x04")  # Ctrl-C, Ctrl-Z and Ctrl-D are the guest's
    c.expect("\x03\x1a\x04", LIMIT)
    c.send("\x01x")
    ends(c, 0)


def interrupt_key_without_mon(folder):
    c = start(folder, "endless", multiboot.ENDLESS, "-serial", "stdio")
    c.send("\x03")
    ends(c, 128 + signal.SIGINT)


def stop_signals(folder):
    for code in (multiboot.ENDLESS, multiboot.HALT):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
            c = start(folder, "guest", code)
            c.signal(number)
            ends(c, 128 + number)


def suspend(folder):
    c = start(folder, "endless", multiboot.ENDLESS)
    c.signal(signal.SIGTSTP)
    end = time.monotonic() + LIMIT
    while c.modes() != c.before_modes and time.monotonic() < end:
        time.sleep(0.01)
    check(c.modes() == c.before_modes, "not given back while suspended", c)
    c.signal(signal.SIGCONT)
    while not c.is_raw() and time.monotonic() < end:
        time.sleep(0.01)
    check(c.is_raw(), "not raw again after SIGCONT", c)
    c.send("\x01x")
    ends(c, 0)


def crash(folder):
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL):
        c = start(folder, "endless", multiboot.ENDLESS)
        time.sleep(0.5)  # into the guest's loop, for the report to show it
        c.signal(number)
        ends(c, 134)
        if "bt" in machine:
            check("translation: guest 00100020" in c.text, "the crash report does not show the translation", c)
        for part in ("internal error", "guest: eip", "rip", "host stack", "report it"):
            check(part in c.text, f"the crash report has no {part!r}", c)


def guest_triple_fault(folder):
    c = start(folder, "fault", multiboot.TRIPLE_FAULT, "-no-reboot")
    ends(c, 2)
    for part in ("triple-faulted", "EIP=00100020", "CR0=", "ud2"):
        check(part in c.text, f"the report has no {part!r}", c)


def guest_reset(folder):
    c = start(folder, "reset", multiboot.KEYBOARD_RESET, "-no-reboot")
    ends(c, 0)
    # Without -no-reboot it resets again and again, until it is told to leave.
    for code in (multiboot.KEYBOARD_RESET, multiboot.TRIPLE_FAULT):
        c = start(folder, "reset", code)
        time.sleep(0.3)
        c.send("\x01x")
        ends(c, 0)


def bad_options_leave_it_alone(folder):
    c = Console([ringfold, "-kernel", os.path.join(folder, "missing")])
    ends(c, 1)


def main():
    tests = [leave_by_key, leave_a_sleeping_guest, leave_with_input_unread, echo, interrupt_key_without_mon, stop_signals,
             suspend, crash, guest_triple_fault, guest_reset, bad_options_leave_it_alone]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for test in tests:
            try:
                test(folder)
                print(f"ok - {test.__name__}")
            except Problem as problem:
                failed += 1
                print(f"not ok - {test.__name__}: {problem}")
    sys.exit(1 if failed else 0)


main()
