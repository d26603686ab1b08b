#!/usr/bin/env python3
"""-nic tap: a guest and the host on one wire, in a network namespace of this test's own.

usage: tap.py RINGFOLD GUEST_FOLDER MODEL...
Ends with status 77 where it may not have such a namespace.
"""
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

import network
from console import Problem
from network import Guest, report
from web_server import serve

HOST, GUEST = "192.0.2.1", "192.0.2.2"  # of the block for documentation (RFC 5737)
BYTES = 24 << 20
SKIPPED = 77


def enter_namespace():
    """Starts this program again, in a namespace with its loopback and an interface tap0."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode or not os.access("/dev/net/tun", os.W_OK):
        print("1..0 # SKIP no network namespace, or no /dev/net/tun: this takes root")
        sys.exit(SKIPPED)
    os.environ["RINGFOLD_TAP_TEST"] = "inside"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def make_interface():
    for command in ("link set lo up", "tuntap add tap0 mode tap", f"addr add {HOST}/24 dev tap0", "link set tap0 up"):
        subprocess.run(["ip", *command.split()], check=True)


def one_wire(ringfold, guest, model, server, data):
    nic = f"tap,ifname=tap0,script=no,downscript=no,model={model}"
    g = Guest(ringfold, guest, "-nic", nic)
    try:
        g.ask(f"ifconfig lo up; ifconfig eth0 {GUEST} netmask 255.255.255.0; sleep 2")
        ping = g.ask(f"ping -c 5 {HOST}")
        report(" 0% packet loss" in ping, f"{model}: the host answers the guest's pings", ping)
        got = g.ask(f"wget -q -O - http://{HOST}:{server.server_port}/data | sha256sum", 600).split()[0]
        report(got == hashlib.sha256(data).hexdigest(), f"{model}: {BYTES >> 20} MiB from the host arrive whole", got)
        g.ask("mkdir /www; dd if=/dev/urandom of=/www/up bs=64k count=64 2>/dev/null; httpd -p 80 -h /www")
        sum_there = g.ask("sha256sum </www/up").split()[0]
        with urllib.request.urlopen(f"http://{GUEST}/up", timeout=120) as answer:
            sum_here = hashlib.sha256(answer.read()).hexdigest()
        report(sum_here == sum_there, f"{model}: the host fetches 4 MiB from the guest", sum_here)
        second = subprocess.run([ringfold, "-m", "16", "-serial", "none", "-nic", nic], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=60)
        report(second.returncode == 1 and second.stderr.count("\n") == 1 and "busy" in second.stderr,
               f"{model}: an interface that is taken is one line", second.stderr)
        subprocess.run(["ip", "link", "set", "tap0", "down"], check=True)
        down = g.ask(f"ping -c 2 -W 2 {HOST}; echo lives")
        report("100% packet loss" in down and "lives" in down, f"{model}: an interface that is down loses frames, no more", down)
        subprocess.run(["ip", "link", "set", "tap0", "up"], check=True)
        again = g.ask(f"sleep 1; ping -c 3 {HOST}")
        report(" 0% packet loss" in again, f"{model}: and works again when it is up", again)
    finally:
        g.console.close()


def interface_that_goes(ringfold):
    """The host deletes the interface: one line, and no turning on the spot."""
    subprocess.run(["ip", "tuntap", "add", "tap1", "mode", "tap"], check=True)
    subprocess.run(["ip", "link", "set", "tap1", "up"], check=True)
    p = subprocess.Popen([ringfold, "-S", "-m", "16", "-display", "none", "-serial", "none", "-nic", "tap,ifname=tap1,script=no"],
                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        subprocess.run(["ip", "link", "del", "tap1"], check=True)
        line = p.stderr.readline()
        report("the interface is gone" in line, "an interface that is deleted is one line", line)

        def ticks():
            return sum(map(int, open(f"/proc/{p.pid}/stat").read().rpartition(")")[2].split()[11:13]))
        before = ticks()
        time.sleep(2)
        report(ticks() - before < 20, "... and costs nothing then", ticks() - before)
    finally:
        p.kill()
        p.communicate()


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if "RINGFOLD_TAP_TEST" not in os.environ:
        enter_namespace()
    make_interface()
    ringfold, guest, *models = sys.argv[1:]
    data = random.Random(2).randbytes(BYTES)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "data"), "wb") as f:
            f.write(data)
        server = serve(folder, HOST)
        for model in models:
            try:
                one_wire(ringfold, guest, model, server, data)
            except (Problem, OSError) as problem:
                report(False, model, problem)
    interface_that_goes(ringfold)
    sys.exit(1 if network.failed else 0)


main()
