#!/usr/bin/env python3
"""Hosts that refuse what the segments engine needs: one line says what, and how to allow it. The default engine runs there.

usage: poor_host.py RINGFOLD LOW_MAPPING.so
"""
import errno
import os
import resource
import subprocess
import sys
import tempfile

import multiboot
from refusals import Refusals
from refused_calls import refusing

MODIFY_LDT, PRCTL = 154, 157
PR_SET_SYSCALL_USER_DISPATCH = 59


def runs(ringfold, arguments, limits):
    """The default engine, on the same host: until it is stopped."""
    try:
        subprocess.run([ringfold, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=2, preexec_fn=limits)
    except subprocess.TimeoutExpired:
        return True
    return False


def main():
    ringfold, low_mapping = sys.argv[1:]
    check = Refusals(ringfold)
    with tempfile.TemporaryDirectory() as folder:
        common = ["-kernel", multiboot.write(os.path.join(folder, "endless"), multiboot.ENDLESS), "-serial", "none", "-m", "4"]
        segments = [*common, "-engine", "segments"]
        for name, error, text in (("a container", errno.EPERM, "not permitted"), ("a kernel without it", errno.ENOSYS, "not implemented")):
            check.refuses(f"modify_ldt refused by {name}", segments, "modify_ldt", text, "seccomp", "CONFIG_MODIFY_LDT_SYSCALL",
                          "-engine windows", limits=refusing(MODIFY_LDT, error))
        check.refuses("modify_ldt that does nothing", segments, "32-bit code segments", "-engine windows", limits=refusing(MODIFY_LDT, 0))
        check.refuses("too little address space", segments, "low 4 GiB", "ulimit -v", "-engine windows",
                      limits=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)))
        check.refuses("something below 4 GiB", segments, "low 4 GiB", "10000000-10001000", "-engine windows",
                      environment={**os.environ, "LD_PRELOAD": low_mapping})
        check.refuses("no syscall user dispatch", [*segments, "-user", "direct"], "-user direct", "PR_SET_SYSCALL_USER_DISPATCH", "5.11",
                      "-user translated", limits=refusing(PRCTL, errno.EINVAL, PR_SET_SYSCALL_USER_DISPATCH))
        good = runs(ringfold, common, refusing(MODIFY_LDT, errno.EPERM))
        print(f"{'ok' if good else 'not ok'} - the default engine runs without modify_ldt")
    sys.exit(1 if check.failed or not good else 0)


main()
