"""Who is measured? The options that say so, and the command line of each, still without a guest."""
import argparse
import os
import subprocess
import sys

from .host import TOP, found

PEER = "qemu-tcg"
NATIVE = "native"
OURS = "ringfold"
KERNELS = ["686", "686-pae"]


def add_options(p, name, rounds, adapt=()):
    """Options of every program in bench/. `adapt`: the policies that are measured unless others are asked for."""
    p.add_argument("-n", "--rounds", type=positive, default=rounds, help=f"runs of each (default {rounds})")
    p.add_argument("--adapt", action="append", metavar="POLICY", default=None,
                   help="ringfold with -adapt POLICY; may be given several times "
                        f"(default: {', '.join(adapt) if adapt else 'only ringfold as it is'})")
    p.add_argument("--engine", action="append", metavar="ENGINE", default=[],
                   help="a column for ringfold with -engine ENGINE, as 'segments' or 'segments -user direct'; may be given several times")
    p.add_argument("--ringfold", default=os.path.join(TOP, "build/release/ringfold"), metavar="FILE")
    p.add_argument("--qemu", default="qemu-system-i386", metavar="FILE")
    p.add_argument("--kvm", action="store_true", help="QEMU with -accel kvm too")
    p.add_argument("--json", default=os.path.join(TOP, f"build/bench/{name}.json"), metavar="FILE")
    p.set_defaults(default_adapt=list(adapt))


def add_linux_options(p, kernels):
    p.add_argument("--kernel", action="append", choices=KERNELS, help=f"of Debian's (default {' and '.join(kernels)})")
    p.add_argument("--append", default="", metavar="TEXT", help="added to the guest's command line, for both sides")
    p.add_argument("--memory", default="256", metavar="MIB")
    p.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="for one run of one guest (default 600)")
    p.add_argument("--guest", default=os.path.join(TOP, "build/guests/linux"), metavar="FOLDER",
                   help="what guests/linux/fetch made")
    p.set_defaults(default_kernel=list(kernels))


def positive(text):
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return value


def checked(a):
    """The options with their defaults filled in, or the end of the program and what to do about it."""
    program = f"bench/{os.path.basename(sys.argv[0])}"
    a.adapt = a.default_adapt if a.adapt is None else a.adapt
    if not os.access(a.ringfold, os.X_OK):
        sys.exit(f"{program}: no {a.ringfold}; build it with ./run --build, or give --ringfold FILE")
    if not found(a.qemu):
        sys.exit(f"{program}: no {a.qemu}; install qemu-system-x86, or give --qemu FILE")
    if hasattr(a, "kernel"):
        a.kernel = a.kernel or a.default_kernel
        for kernel in a.kernel:
            if not os.path.exists(os.path.join(a.guest, f"vmlinuz-{kernel}")):
                sys.exit(f"{program}: no vmlinuz-{kernel} in {a.guest}; fetch it with guests/linux/fetch")
    return a


def known_policies(a):
    """Those of a.adapt that this build of ringfold takes: it reports a bad option before a missing kernel."""
    known = []
    for policy in a.adapt:
        problem = subprocess.run([a.ringfold, "-adapt", policy, "-kernel", "/nonexistent"], capture_output=True, text=True).stderr
        if "/nonexistent" in problem:
            known.append(policy)
        else:
            print(f"  left out: {problem.strip()}", file=sys.stderr)
    return known


def emulators(a):
    """Name -> command without the guest, the peer first."""
    all_of_them = {PEER: [found(a.qemu), "-accel", "tcg"]}
    if a.kvm:
        all_of_them["qemu-kvm"] = [found(a.qemu), "-accel", "kvm"]
    for policy in a.adapt or [None]:
        all_of_them[f"{OURS} {policy}" if policy else OURS] = [
            a.ringfold, "-accel", "bt", *(["-adapt", policy] if policy else [])]
    for engine in a.engine:
        all_of_them[f"{OURS} {engine}"] = [a.ringfold, "-accel", "bt", "-engine", *engine.split()]
    return all_of_them
