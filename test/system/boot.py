#!/usr/bin/env python3
"""Boots Debian's kernel to the shell on the serial console, types commands and compares the answers.

usage: boot.py [options] -- EMULATOR [its options]
The emulator is ringfold or qemu-system-i386: both get the same files and the same terminal.
"""
import argparse
import json
import os
import re
import sys
import tempfile
import time

from console import Console, Problem

HERE = os.path.dirname(os.path.abspath(__file__))
MARKER = "ringfold: shell ready"
PROMPT = "ready# "


def read_commands(path):
    """[(command, expected output, expected status)]"""
    commands = []
    for line in open(path):
        line = line.rstrip("\n")
        if line.startswith("$ "):
            commands.append([line[2:], "", None])
        elif line.startswith("= "):
            commands[-1][2] = int(line[2:])
        elif not line.startswith("#"):
            commands[-1][1] += line + "\n"
    return commands


def clean(text):
    """Without the terminal's own sequences and the kernel's messages between the lines."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return re.sub(r"^\[ *[0-9]+\.[0-9]+\] .*\n", "", text, flags=re.MULTILINE)


def ask(console, command, limit):
    """The output and exit status of a command. The markers are split so that no echo looks like them."""
    console.send(f'echo "<""<"; {command}; echo ">"">$?"\n')
    console.expect("<<\n", limit)
    output = console.expect(">>", limit)
    status = console.expect("\n", limit)
    console.expect(PROMPT, limit)
    return clean(output), int(status)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--guest", required=True, help="what guests/linux/fetch made")
    p.add_argument("--kernel", default="686", choices=["686", "686-pae"])
    p.add_argument("--limit", type=float, default=300, help="seconds until the shell's prompt")
    p.add_argument("--command-limit", type=float, default=60)
    p.add_argument("--commands", default=os.path.join(HERE, "commands.txt"))
    p.add_argument("--record", action="store_true", help="print the answers in the form of commands.txt, compare nothing")
    p.add_argument("--idle", type=float, default=0.1, help="CPU seconds that the waiting guest may use per second")
    p.add_argument("--code-cache", type=float, metavar="SHARE", help="of the instructions, by -stats, at least this share ran in the code cache")
    p.add_argument("emulator", nargs="+")
    a = p.parse_args()

    stats = tempfile.NamedTemporaryFile(suffix=".json")
    if a.code_cache:
        a.emulator += ["-stats", stats.name]
    start = time.monotonic()
    console = Console([*a.emulator, "-kernel", os.path.join(a.guest, f"vmlinuz-{a.kernel}"), "-initrd",
                       os.path.join(a.guest, "initrd.gz"), "-append", "console=ttyS0", "-m", "256", "-nographic", "-no-reboot"])
    failed = 0
    try:
        console.expect(MARKER, a.limit)
        print(f"shell after {time.monotonic() - start:.1f} s", file=sys.stderr)
        console.expect("# ", a.command_limit)
        # No echo and no line editing: what is typed ahead stays out of the output.
        console.send(f"stty -echo; dmesg -n 1; exec env PS1='{PROMPT}' sh\n")
        console.expect("\n", a.command_limit)
        console.expect(PROMPT, a.command_limit)
        for command, output, status in read_commands(a.commands):
            got, got_status = ask(console, command, a.command_limit)
            if a.record:
                print(f"$ {command}\n{got}= {got_status}")
            elif (got, got_status) != (output, status):
                failed += 1
                print(f"not ok - {command}\n  wanted {output!r} = {status}\n  got    {got!r} = {got_status}")
            else:
                print(f"ok - {command}")
        time.sleep(1)
        before = console.cpu_seconds()
        time.sleep(3)
        idle = (console.cpu_seconds() - before) / 3
        print(f"{'ok' if idle <= a.idle else 'not ok'} - {idle:.3f} of a host CPU while the guest waits")
        failed += idle > a.idle
        console.send("reboot -f\n")
        status = console.wait(a.command_limit)
        print(f"{'ok' if status == 0 else 'not ok'} - exit status {status} after reboot(8) under -no-reboot")
        failed += status != 0
        if a.code_cache:
            statistics = json.load(stats)["cpu"]
            instructions = statistics["instructions"]
            cached, interpreted = instructions["share"]["code_cache"], instructions["share"]["interpreter"]
            good = instructions["all"] > 1e9 and cached >= a.code_cache and interpreted <= 1 - a.code_cache
            print(f"{'ok' if good else 'not ok'} - of {instructions['all']} guest instructions {cached:.4%} ran in the code "
                  f"cache, {interpreted:.4%} in the interpreter")
            failed += not good
            # Each jump enters the monitor until it is chained; one that never is would do so for ever.
            jumps, chains = statistics["monitor"]["links"], statistics["code_cache"]["chains"]
            good = jumps < 5 * chains
            print(f"{'ok' if good else 'not ok'} - jumps that were not chained yet ran {jumps} times, {chains} were chained")
            failed += not good
    except Problem as problem:
        failed += 1
        print(f"not ok - {problem}")
    finally:
        console.close()
    sys.exit(1 if failed else 0)


main()
