"""How does a program get into a Linux guest, and its figures out? An initrd with the program, and the serial console."""
import os
import subprocess
import sys
import time

from .host import TOP

sys.path.insert(0, os.path.join(TOP, "test", "system"))
from console import Console, Problem  # noqa: E402

SHELL_READY = "ringfold: shell ready"


def append(a, *more):
    """The kernel's command line."""
    return " ".join(["console=ttyS0", *a.append.split(), *more])


def command_line(command, kernel, initrd, text, a):
    """What an emulator gets besides its own options: the same for everybody."""
    return [*command, "-kernel", os.path.join(a.guest, f"vmlinuz-{kernel}"), "-initrd", initrd,
            "-append", text, "-m", a.memory, "-nographic", "-no-reboot"]


def boot(command, kernel, a):
    """Boots to the shell. Seconds until it is ready, and the CPU seconds that the process had used by then."""
    command = command_line(command, kernel, os.path.join(a.guest, "initrd.gz"), append(a), a)
    start = time.monotonic()
    console = Console(command)
    try:
        console.expect(SHELL_READY, a.limit)
        return {"seconds": time.monotonic() - start, "cpu_seconds": console.cpu_seconds()}
    except Problem as problem:
        sys.exit(f"{' '.join(command)}\n{problem}")
    finally:
        console.close()


def make_initrd(output, a, **files):
    """Debian's busybox and `files` (path in the guest = file here), with an init that runs what the kernel's command line names."""
    os.makedirs(os.path.dirname(output), exist_ok=True)
    linux = os.path.join(TOP, "guests/linux")
    subprocess.run([os.path.join(linux, "make-initrd"), os.path.join(a.guest, "busybox"), os.path.join(linux, "init-command"), output,
                    *(f"{name}={path}" for name, path in files.items())], check=True)
    return output


def run_command(emulator, kernel, initrd, words, a):
    """Boots, runs one command of the guest's, and gives back what it printed: [(host's seconds, CPU seconds that the
    emulator had used, line)]."""
    command = command_line(emulator, kernel, initrd, append(a, "quiet", "--", *words), a)
    console, lines = Console(command), []
    try:
        console.expect("<<command\n", a.limit)
        end = time.monotonic() + a.limit
        while True:
            line = console.expect("\n", end - time.monotonic())
            if line.startswith(">>status "):
                break
            lines.append((time.monotonic(), cpu_seconds(console.pid), line))
        if line != ">>status 0":
            raise Problem(f"{' '.join(words)}: {line[2:]}:\n" + "\n".join(text for *_, text in lines))
        return lines
    except Problem as problem:
        sys.exit(f"{' '.join(command)}\n{problem}")
    finally:
        console.close()


def cpu_seconds(pid):
    """Of all threads, to the nanosecond."""
    used = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        used += int(open(f"/proc/{pid}/task/{thread}/schedstat").read().split()[0])
    return used / 1e9
