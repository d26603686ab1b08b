"""On what was it measured? What the figures depend on, so that nobody has to guess it later."""
import datetime
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def output_of(*command):
    """What a command prints; nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def found(program):
    """The program's path, as the shell finds it."""
    return output_of("sh", "-c", 'command -v "$0"', program)


def describe_cpu():
    cpuinfo = open("/proc/cpuinfo").read()
    model = next((line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")), "unknown")
    virtual = any("hypervisor" in line.split() for line in cpuinfo.splitlines() if line.startswith("flags"))
    return f"{model}, {os.cpu_count()} CPUs{', itself a virtual machine' if virtual else ''}"


def describe_guest(folder):
    """The packages that guests/linux/fetch took the guest from."""
    versions = os.path.join(folder, "versions.txt")
    return open(versions).read().split() if os.path.exists(versions) else []


def describe_host(a):
    commit = output_of("git", "-C", TOP, "rev-parse", "--short", "HEAD") or "unknown"
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": describe_cpu(),
        "host_kernel": f"Linux {os.uname().release}",
        "ringfold": f"{output_of(a.ringfold, '-version')}, commit {commit}",
        "qemu": (output_of(a.qemu, "--version").splitlines() or ["none"])[0],
    }
