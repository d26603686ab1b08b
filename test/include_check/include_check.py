#!/usr/bin/env python3
"""Holds every #include to the dependency diagram: a folder may include only what lies to its left.

    vmm/base, vmm/host <- tracing <- shadowmmu <- translator <- vmm
                       <- vmm/block, vmm/net <- devices <-------------/

usage: include_check.py REPOSITORY
"""
import os
import re
import sys

# Folder -> the folders that its files may include. The longest prefix of a path decides.
ALLOWED = {
    "vmm/base": ["vmm/base"],
    "vmm/host": ["vmm/base", "vmm/host"],
    "tracing": ["vmm/base", "tracing"],
    "shadowmmu": ["vmm/base", "vmm/host", "tracing", "shadowmmu"],
    "vmm/block": ["vmm/base", "vmm/host", "vmm/block"],
    "vmm/net": ["vmm/base", "vmm/host", "vmm/net"],
    "devices": ["vmm/base", "vmm/host", "vmm/block", "vmm/net", "devices"],
    "translator": ["vmm/base", "vmm/host", "tracing", "shadowmmu", "translator"],
    "translator/interpreter": ["vmm/base", "vmm/host", "tracing", "shadowmmu", "translator/decode",
                               "translator/classify", "translator/interpreter"],
    "vmm": ["vmm/base", "vmm/host", "tracing", "shadowmmu", "vmm/block", "vmm/net", "devices",
            "translator", "vmm"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def folder_of(path, folders):
    """The longest of the folders that the path lies in, or None."""
    best = None
    for folder in folders:
        if path.startswith(folder + "/") and (best is None or len(folder) > len(best)):
            best = folder
    return best


def violations(path, text, exists):
    """The rules that the file `path` (relative to the repository) breaks, one line each."""
    own = folder_of(path, ALLOWED)
    found = []
    for kind, name in INCLUDE.findall(text):
        if kind == "<":
            # Zydis' mnemonic numbers are the table's alphabet; the decoder itself has one user.
            if name.startswith("Zydis/") and name != "Zydis/Mnemonic.h" and not path.startswith("translator/decode/"):
                found.append(f"{path}: <{name}>: only translator/decode uses Zydis")
            continue
        if not exists(name):
            found.append(f'{path}: "{name}" is not a path from the top of the repository')
        elif folder_of(name, ALLOWED[own]) is None:
            found.append(f'{path}: "{name}": {own} may not include that')
    return found


def self_test():
    """The rules themselves: what must be found, and what must not."""
    everything = lambda name: True
    bad = [("tracing/a.h", '#include "shadowmmu/ram.h"'), ("vmm/base/a.h", '#include "vmm/host/fd.h"'),
           ("vmm/host/a.h", '#include "vmm/machine.h"'), ("devices/a.h", '#include "vmm/base/../machine.h"'),
           ("devices/a.h", '#include "shadowmmu/ram.h"'), ("translator/emit/a.cpp", '#include "devices/bus.h"'),
           ("translator/interpreter/a.cpp", '#include "translator/emit/emit.h"'),
           ("translator/a.cpp", '#include "vmm/machine.h"'), ("vmm/block/a.h", '#include "devices/bus.h"'), ("vmm/a.cpp", "#include <Zydis/Zydis.h>"),
           ("vmm/a.cpp", '#include "test/support/x.h"')]
    good = [("vmm/machine.cpp", '#include "devices/bus.h"'), ("vmm/main.cpp", '#include "vmm/base/types.h"'),
            ("translator/emit/a.cpp", '#include "translator/interpreter/interpreter.h"'),
            ("translator/interpreter/a.cpp", '#include "translator/classify/classifier.h"'),
            ("translator/decode/a.cpp", "#include <Zydis/Zydis.h>"), ("shadowmmu/a.h", '#include "tracing/x.h"'),
            ("translator/x.h", '#include "vmm/host/crash_report.h"')]
    for path, text in bad:
        if not violations(path, text, lambda name: ".." not in name):
            sys.exit(f"self test: missed {path}: {text}")
    for path, text in good:
        if violations(path, text, everything):
            sys.exit(f"self test: wrongly found {path}: {text}")


def main():
    self_test()
    root = sys.argv[1]
    files = found = 0
    for top in sorted({folder.split("/")[0] for folder in ALLOWED}):
        for where, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if not name.endswith((".h", ".cpp", ".S", ".def")):
                    continue
                full = os.path.join(where, name)
                with open(full, encoding="utf-8") as file:
                    text = file.read()
                files += 1
                for line in violations(os.path.relpath(full, root), text,
                                       lambda n: os.path.isfile(os.path.join(root, n))):
                    print(line)
                    found += 1
    print(f"{files} files, {found} violations")
    if files < 20:
        sys.exit("too few files: is this the repository?")
    sys.exit(1 if found else 0)


main()
